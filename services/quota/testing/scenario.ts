/**
 * Short words for what the tests of the books say again and again. Nothing in production imports
 * this folder.
 */
import type { Database } from "@tandem/libs/store";
import { openDatabase, sql } from "@tandem/libs/store";
import { createLog } from "@tandem/libs/telemetry";
import { newId, realWorld } from "@tandem/libs/world";
import type { LeaseTimes } from "../core/lease.ts";
import type { Settlement } from "../core/settlement.ts";
import type { Subject } from "../core/subject.ts";
import type { Books } from "../store/books.ts";
import { type Grant, grantCredit } from "../store/credit.ts";
import type { LeaseAnswer } from "../store/lease-answer.ts";
import { leaseWallet, type WalletCall } from "../store/leases.ts";
import { Ledger } from "../store/ledger.ts";
import { Turns } from "../store/turns.ts";

export const world = realWorld();
export const silentLog = createLog({ level: "error", fields: {}, write: () => {} });
export const times: LeaseTimes = { validMs: 5_000, graceMs: 5_000, requestMs: 660_000 };

/** Books on a database, with a clock that stands still until it is set. */
export interface TestBooks extends Books {
  nowMs: number;
  readonly database: Database<unknown>;
}

export function openTestBooks(url: string, poolSize = 10): TestBooks {
  const database = openDatabase<unknown>(url, { world, log: silentLog, poolSize });
  const books: TestBooks = {
    database,
    world,
    ledger: new Ledger(database, world),
    turns: new Turns(),
    clock: () => sql<bigint>`${books.nowMs}::bigint`,
    times,
    tellsUsage: true,
    nowMs: Date.UTC(2026, 10, 22, 12),
  };
  return books;
}

export function subject(organisationId: string, rest: Partial<Subject> = {}): Subject {
  return { organisationId, projectId: "", userId: "", keyId: "", model: "", ...rest };
}

/** An organisation with this much purchased credit; its id. */
export async function organisationWith(
  books: Books,
  nanos: bigint,
  rest: Partial<Grant> = {},
): Promise<string> {
  const organisationId = rest.organisationId ?? newId(world, "org");
  await grantCredit(books, {
    organisationId,
    nanos,
    kind: "purchased",
    expiresAtMs: undefined,
    reason: "test",
    idempotencyKey: newId(world, "evt"),
    currency: "USD",
    ...rest,
  });
  return organisationId;
}

/** One life of a gateway replica with one lease, as the contract wants it to behave. */
export class TestHolder {
  readonly name: string;
  readonly incarnation: string;
  readonly organisationId: string;
  readonly subject: Subject;
  leaseId = newId(world, "lse");
  calls = 0n;

  constructor(organisationId: string, rest: { name?: string; subject?: Partial<Subject> } = {}) {
    this.organisationId = organisationId;
    this.name = rest.name ?? newId(world, "evt");
    this.incarnation = newId(world, "evt");
    this.subject = subject(organisationId, rest.subject);
  }

  /** The next call, not sent yet. */
  next(rest: Partial<WalletCall> = {}): WalletCall {
    this.calls += 1n;
    return {
      leaseId: this.leaseId,
      holder: this.name,
      incarnation: this.incarnation,
      organisationId: this.organisationId,
      subject: this.subject,
      call: this.calls,
      neededNanos: 0n,
      leastNanos: 0n,
      carvedNanos: 0n,
      returnedNanos: 0n,
      keptNanos: undefined,
      ceilingNanos: undefined,
      ...rest,
    };
  }

  call(books: Books, rest: Partial<WalletCall> = {}): Promise<LeaseAnswer> {
    return leaseWallet(books, this.next(rest));
  }

  settlement(chargedNanos: bigint, rest: Partial<Settlement> = {}): Settlement {
    return {
      ...this.subject,
      requestId: newId(world, "req"),
      leaseId: this.leaseId,
      upstream: "engine",
      reservedNanos: chargedNanos,
      chargedNanos,
      upstreamNanos: 0n,
      inputTokens: 10,
      cachedInputTokens: 0,
      outputTokens: 5,
      reasoningTokens: 0,
      atMs: Date.UTC(2026, 10, 22, 12),
      outcome: "complete",
      estimated: false,
      priceId: "prc_1",
      currency: "USD",
      ...rest,
    };
  }
}

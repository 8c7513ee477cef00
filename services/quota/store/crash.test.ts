import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { migrate } from "@tandem/libs/store";
import { startTestPostgres, type TestPostgres } from "@tandem/libs/testing";
import type { Settlement } from "../core/settlement.ts";
import { encodeScript, playScript } from "../testing/crash-script.ts";
import { startKillingProxy } from "../testing/killing-proxy.ts";
import {
  openTestBooks,
  organisationWith,
  type TestBooks,
  TestHolder,
} from "../testing/scenario.ts";
import { assertFactsEqualLedger } from "../testing/usage-facts.ts";
import { leaseWallet, releaseLeases, type WalletCall } from "./leases.ts";
import { migrations } from "./migrations.ts";
import { settle } from "./settle.ts";
import { readBalance } from "./statements.ts";
import { verifyLedger } from "./verify.ts";

let postgres: TestPostgres;
let books: TestBooks;
let url: string;

before(async () => {
  postgres = await startTestPostgres();
  url = await postgres.createDatabase();
  books = openTestBooks(url);
  await migrate(books.database, migrations);
});
after(async () => {
  await assertFactsEqualLedger(books.database);
  await books.database.destroy();
  await postgres.stop();
});

const child = join(import.meta.dirname, "../testing/crash-child.ts");

interface Crash {
  /** The statement it happens at, counted from the first transaction. */
  readonly strikeAt: number;
  /** Whether the statement still reaches the server. */
  readonly isDelivered: boolean;
  /** kill -9 of a process, or the loss of its connection. */
  readonly kind: "process" | "connection";
}

/** Lets a replica lease, settle and release until it dies; then repeats its messages elsewhere. */
async function crash({ strikeAt, isDelivered, kind }: Crash): Promise<{ isDone: boolean }> {
  const organisationId = await organisationWith(books, 1_000_000n);
  const holder = new TestHolder(organisationId);
  const lease = holder.next({ neededNanos: 5_000n });
  const part = await settlePart(organisationId);
  const whole = holder.settlement(300n, { requestId: part.requestId });
  const settlements = [holder.settlement(1_234n), whole];
  const folder = mkdtempSync(join(tmpdir(), "tandem-crash-"));
  let strike = (): void => {};
  const given = { url, folder, strikeAt, isDelivered, strike: () => strike() };
  const proxy = await startKillingProxy(given);
  const script = { url: proxy.url, lease, settlements };
  let isDone = false;
  if (kind === "process") {
    const running = spawn(process.execPath, [child, encodeScript(script)], { stdio: "ignore" });
    strike = () => running.kill("SIGKILL");
    const signal = await new Promise((resolve) => running.once("exit", (_, by) => resolve(by)));
    assert.equal(signal, "SIGKILL");
  } else {
    strike = () => proxy.cut();
    isDone = await playScript(script).then(
      () => true,
      () => false,
    );
  }
  assert.ok(isDone || proxy.seen === strikeAt, `it died at ${proxy.seen}, not at ${strikeAt}`);
  await proxy.close();
  rmSync(folder, { recursive: true, force: true });
  await completeElsewhere({ holder, lease, settlements });
  return { isDone };
}

/** By another replica, of a request of which it is not going to tell the whole answer. */
async function settlePart(organisationId: string): Promise<Settlement> {
  const other = new TestHolder(organisationId);
  await other.call(books, { neededNanos: 500n });
  const part = other.settlement(500n, { outcome: "partial", estimated: true });
  await settle(books, { holder: other.name, settlements: [part] });
  await releaseLeases(books, { holder: other.name, leaseIds: [other.leaseId] });
  return part;
}

async function completeElsewhere(given: {
  readonly holder: TestHolder;
  readonly lease: WalletCall;
  readonly settlements: readonly Settlement[];
}): Promise<void> {
  const { holder, lease, settlements } = given;
  const { organisationId } = lease;
  const { purchasedNanos: owned } = await readBalance(books, organisationId);
  assert.ok(owned === 999_500n || owned === 998_466n, `owned ${owned}`);
  await leaseWallet(books, lease);
  const { settled } = await settle(books, { holder: holder.name, settlements });
  assert.deepEqual([...settled].sort(), settlements.map(({ requestId }) => requestId).sort());
  await releaseLeases(books, { holder: holder.name, leaseIds: [holder.leaseId] });
  const { purchasedNanos, heldNanos } = await readBalance(books, organisationId);
  assert.deepEqual([purchasedNanos, heldNanos], [998_466n, 0n]);
}

test("a replica lost at any statement leaves the money where a repeated message completes it", async () => {
  let steps = 1;
  for (; ; steps += 1) {
    const kind = "connection";
    const lost = await crash({ kind, strikeAt: steps, isDelivered: false });
    const delivered = await crash({ kind, strikeAt: steps, isDelivered: true });
    if (lost.isDone && delivered.isDone) break;
  }
  assert.ok(steps > 25, `only ${steps} steps were seen`);
  assert.deepEqual((await verifyLedger(books)).problems, []);
});

test("kill -9 of a replica's process between its steps loses and doubles nothing", async () => {
  for (const strikeAt of [3, 9, 15, 20, 24, 27, 29, 33]) {
    const { isDone } = await crash({ kind: "process", strikeAt, isDelivered: strikeAt % 2 === 0 });
    assert.equal(isDone, false);
  }
  assert.deepEqual((await verifyLedger(books)).problems, []);
});

import { sql } from "kysely";
import type { Executor } from "../database/executor.ts";
import type { OutboxEvent } from "./outbox.ts";

const lastErrorLengthMax = 500;

export interface ClaimedEvent extends OutboxEvent {
  /** This one included. */
  readonly attempts: number;
}

/** The outbox as its relays see it; each operation is a transaction of its own. */
export interface OutboxTable {
  /**
   * Events that are due, each counted as tried once more and out of every other relay's reach for
   * `claimMs`.
   */
  claim(given: {
    readonly limit: number;
    readonly claimMs: number;
  }): Promise<readonly ClaimedEvent[]>;
  /** It was delivered. */
  remove(eventId: string): Promise<void>;
  /** The try does not count; due again after the delay. Nothing if another relay has it by now. */
  putBack(event: ClaimedEvent, why: FailedTry): Promise<void>;
  /** The try counts; parked after the last one. Nothing if another relay has it by now. */
  fail(event: ClaimedEvent, why: FailedTry & { readonly isLast: boolean }): Promise<void>;
}

export interface FailedTry {
  readonly message: string;
  readonly delayMs: number;
}

/** The table of `outboxMigration`. Claims by `FOR UPDATE SKIP LOCKED`: no two claim the same. */
export function outboxTable(database: Executor): OutboxTable {
  return {
    async claim({ limit, claimMs }) {
      const { rows } = await sql<ClaimedEvent>`
        update outbox set
          attempts = attempts + 1,
          next_attempt_at = now() + make_interval(secs => ${claimMs / 1000})
        where sequence in (
          select sequence from outbox
          where parked_at is null and next_attempt_at <= now()
          order by next_attempt_at, sequence
          for update skip locked
          limit ${limit}
        )
        returning event_id as id, topic, payload, attempts`.execute(database);
      return rows;
    },
    async remove(eventId) {
      await sql`delete from outbox where event_id = ${eventId}`.execute(database);
    },
    async putBack({ id, attempts }, { message, delayMs }) {
      await sql`
        update outbox set
          attempts = attempts - 1,
          last_error = ${message.slice(0, lastErrorLengthMax)},
          next_attempt_at = now() + make_interval(secs => ${delayMs / 1000})
        where event_id = ${id} and attempts = ${attempts}`.execute(database);
    },
    async fail({ id, attempts }, { message, delayMs, isLast }) {
      await sql`
        update outbox set
          last_error = ${message.slice(0, lastErrorLengthMax)},
          next_attempt_at = now() + make_interval(secs => ${delayMs / 1000}),
          parked_at = case when ${isLast} then now() end
        where event_id = ${id} and attempts = ${attempts}`.execute(database);
    },
  };
}

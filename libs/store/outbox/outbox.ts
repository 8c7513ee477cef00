import { sql } from "kysely";
import type { Executor } from "../database/executor.ts";

/** An event as it leaves: `id` is its identity everywhere, `topic` names its kind and version. */
export interface OutboxEvent {
  /** Unique; consumers know a repeated delivery by it. From `newId(world, "evt")`. */
  readonly id: string;
  /** `orders.paid.v1`. */
  readonly topic: string;
  /** An encoded message of the contract. */
  readonly payload: Uint8Array;
}

/** An event that was given up after its last attempt, until somebody replays or discards it. */
export interface ParkedEvent extends OutboxEvent {
  readonly attempts: number;
  readonly createdAt: Date;
  readonly parkedAt: Date;
  readonly lastError: string;
}

export interface OutboxStatus {
  readonly pending: number;
  readonly parked: number;
  /** Age of the oldest event that waits for delivery, in milliseconds; 0 when none does. */
  readonly oldestPendingMs: number;
}

/**
 * Stores an event in the transaction that makes it true: both happen or neither. It is delivered
 * at least once after the commit, in no promised order. The same id twice is `store.conflict`.
 */
export async function enqueueEvent(tx: Executor, event: OutboxEvent): Promise<void> {
  await sql`
    insert into outbox (event_id, topic, payload)
    values (${event.id}, ${event.topic}, ${Buffer.from(event.payload)})`.execute(tx);
}

/**
 * True the first time this consumer sees this event. Call it first in the transaction that has the
 * event's effect; when it says false, commit and acknowledge: the effect is there already. Of two
 * deliveries at once the second waits for the first one's commit, and has its turn if that fails.
 */
export async function recordOnce(
  tx: Executor,
  consumer: string,
  eventId: string,
): Promise<boolean> {
  const { numAffectedRows } = await sql`
    insert into inbox (consumer, event_id) values (${consumer}, ${eventId})
    on conflict do nothing`.execute(tx);
  return numAffectedRows === 1n;
}

/** Forgets receipts older than `olderThanMs`; 30 days are safely beyond any redelivery. */
export async function pruneInbox(executor: Executor, olderThanMs: number): Promise<number> {
  const { numAffectedRows = 0n } = await sql`
    delete from inbox
    where received_at < now() - make_interval(secs => ${olderThanMs / 1000})`.execute(executor);
  return Number(numAffectedRows);
}

export async function outboxStatus(executor: Executor): Promise<OutboxStatus> {
  const { rows } = await sql<{ pending: bigint; parked: bigint; oldest_ms: number }>`
    select
      count(*) filter (where parked_at is null) as pending,
      count(*) filter (where parked_at is not null) as parked,
      coalesce(extract(epoch from now() - min(created_at) filter (where parked_at is null)), 0)
        ::double precision * 1000 as oldest_ms
    from outbox`.execute(executor);
  const [row] = rows;
  return {
    pending: Number(row?.pending ?? 0n),
    parked: Number(row?.parked ?? 0n),
    oldestPendingMs: row?.oldest_ms ?? 0,
  };
}

/** Parked events, oldest first; at most `limit`. */
export async function parkedEvents(
  executor: Executor,
  limit: number,
): Promise<readonly ParkedEvent[]> {
  const { rows } = await sql<ParkedEvent>`
    select event_id as id, topic, payload, attempts, created_at as "createdAt",
      parked_at as "parkedAt", coalesce(last_error, '') as "lastError"
    from outbox where parked_at is not null order by sequence limit ${limit}`.execute(executor);
  return rows;
}

/** Gives parked events their tries back; all of them without `eventIds`. Returns how many. */
export async function replayParked(
  executor: Executor,
  eventIds?: readonly string[],
): Promise<number> {
  const { numAffectedRows = 0n } = await sql`
    update outbox set parked_at = null, attempts = 0, next_attempt_at = now()
    where parked_at is not null
      and (${eventIds === undefined} or event_id = any(${eventIds ?? []}::text[]))`.execute(
    executor,
  );
  return Number(numAffectedRows);
}

/** Deletes parked events for good; they will never be delivered. Returns how many. */
export async function discardParked(
  executor: Executor,
  eventIds: readonly string[],
): Promise<number> {
  const { numAffectedRows = 0n } = await sql`
    delete from outbox
    where parked_at is not null and event_id = any(${eventIds}::text[])`.execute(executor);
  return Number(numAffectedRows);
}

import { type Executor, pruneInbox, sql } from "@tandem/libs/store";
import { type Level, levels, stepMs } from "../core/steps.ts";
import { tableOf } from "./levels.ts";

/** Days that each is kept; `facts` are single calls. */
export interface Retention {
  readonly facts: number;
  readonly sums: Readonly<Record<Level, number>>;
}

/** Rows that one statement deletes, so that no lock is held for long. */
const batchSize = 5_000;
/** Of one run; what is left goes with the next. */
const batchesMax = 200;
const inboxKeptMs = 30 * stepMs.day;

/** Since when sums of a level are there: whole days, so that coarser ones take over at a boundary. */
export function keptSince(days: number, nowMs: number): number {
  return Math.floor(nowMs / stepMs.day - days) * stepMs.day;
}

/** Throws away what is older than its time. Several replicas may do it at once. */
export async function forgetOld(
  database: Executor,
  { retention, nowMs }: { readonly retention: Retention; readonly nowMs: number },
): Promise<void> {
  await forget(database, { table: "facts", beforeMs: keptSince(retention.facts, nowMs) });
  for (const level of levels) {
    const beforeMs = keptSince(retention.sums[level], nowMs);
    await forget(database, { table: tableOf[level], beforeMs });
  }
  await pruneInbox(database, inboxKeptMs);
}

async function forget(
  database: Executor,
  { table, beforeMs }: { readonly table: string; readonly beforeMs: number },
): Promise<void> {
  const name = sql.table(table);
  for (let batch = 0; batch < batchesMax; batch += 1) {
    const { numAffectedRows = 0n } = await sql`
      delete from ${name} where ctid = any(array(
        select ctid from ${name} where at_ms < ${beforeMs} limit ${batchSize} for update skip locked
      ))`.execute(database);
    if (numAffectedRows < BigInt(batchSize)) return;
  }
}

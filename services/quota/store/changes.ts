import { type Executor, notify, sql } from "@tandem/libs/store";

export const changesChannel = "quota_changes";

/**
 * Says that an organisation's limits, budgets or credit changed. Call it last in a transaction: the
 * one row it locks until the commit makes the order of the sequence the order of the commits.
 */
export async function recordChange(
  tx: Executor,
  change: { readonly organisationId: string; readonly nowMs: number },
): Promise<void> {
  const { rows } = await sql<{ sequence: bigint }>`
    with head as (update change_head set sequence = sequence + 1 returning sequence)
    insert into changes (sequence, organisation_id, at_ms)
    select sequence, ${change.organisationId}, ${change.nowMs} from head
    returning sequence`.execute(tx);
  await notify(tx, changesChannel, String(rows[0]?.sequence ?? 0n));
}

export interface ChangePage {
  readonly sequence: bigint;
  readonly organisationIds: readonly string[];
  /** Changes between were forgotten, or the database is another one: forget everything. */
  readonly isReset: boolean;
}

export async function readHead(executor: Executor): Promise<bigint> {
  const { rows } = await sql<{ sequence: bigint }>`select sequence from change_head`.execute(
    executor,
  );
  return rows[0]?.sequence ?? 0n;
}

/** What changed after `afterSequence`; at most `limit` changes, the page's sequence being the last. */
export async function readChanges(
  executor: Executor,
  { afterSequence, limit }: { readonly afterSequence: bigint; readonly limit: number },
): Promise<ChangePage> {
  // One statement, so that head and changes are of the same moment.
  const { rows } = await sql<{
    head: bigint;
    sequence: bigint | null;
    organisation_id: string | null;
  }>`
    select change_head.sequence as head, later.sequence, later.organisation_id from change_head
    left join lateral (
      select sequence, organisation_id from changes where sequence > ${afterSequence}
      order by sequence limit ${limit}
    ) as later on true
    order by later.sequence`.execute(executor);
  const head = rows[0]?.head ?? 0n;
  const isContinuous = rows[0]?.sequence === afterSequence + 1n;
  if (!isContinuous) {
    return { sequence: head, organisationIds: [], isReset: head !== afterSequence };
  }
  const organisationIds = new Set<string>();
  for (const row of rows)
    if (row.organisation_id !== null) organisationIds.add(row.organisation_id);
  return {
    sequence: rows.at(-1)?.sequence ?? head,
    organisationIds: [...organisationIds],
    isReset: false,
  };
}

/** Forgets old changes; whoever asks for them starts anew. */
export async function pruneChanges(executor: Executor, beforeMs: number): Promise<void> {
  await sql`delete from changes where at_ms < ${beforeMs}`.execute(executor);
}

import { type Executor, sql, transaction } from "@tandem/libs/store";
import { newId } from "@tandem/libs/world";
import type { Limit, LimitKind } from "../core/limit.ts";
import type { Subject } from "../core/subject.ts";
import { faults } from "../faults.ts";
import { type Books, readClock } from "./books.ts";
import { recordChange } from "./changes.ts";

export interface LimitChange {
  readonly subject: Subject;
  readonly kind: LimitKind;
  readonly amount: bigint;
  readonly windowMs: number;
  /** The version that was read; 0 for a limit that must not exist yet. */
  readonly expectedVersion: bigint;
}

/** A limit or budget to take away, at the version that was read; 0 for any. */
export interface Removal {
  readonly organisationId: string;
  readonly id: string;
  readonly expectedVersion: bigint;
}

interface LimitRow {
  readonly id: string;
  readonly organisation_id: string;
  readonly project_id: string;
  readonly user_id: string;
  readonly key_id: string;
  readonly model: string;
  readonly kind: LimitKind;
  readonly amount: bigint;
  readonly window_ms: bigint;
  readonly version: bigint;
}

function toLimit(row: LimitRow): Limit {
  return {
    id: row.id,
    subject: {
      organisationId: row.organisation_id,
      projectId: row.project_id,
      userId: row.user_id,
      keyId: row.key_id,
      model: row.model,
    },
    kind: row.kind,
    amount: Number(row.amount),
    windowMs: Number(row.window_ms),
    version: row.version,
  };
}

/**
 * Sets the limit of a subject, kind and window: there is one of each. Throws
 * `quota.version_mismatch` when it is not at the version expected.
 */
export function setLimit(books: Books, change: LimitChange): Promise<Limit> {
  const { subject, expectedVersion } = change;
  const { organisationId, projectId, userId, keyId, model } = subject;
  return transaction(books.database, async (tx) => {
    const written =
      expectedVersion === 0n
        ? await sql<LimitRow>`
            insert into limits (id, organisation_id, project_id, user_id, key_id, model, kind,
              amount, window_ms, version)
            values (${newId(books.world, "lim")}, ${organisationId}, ${projectId}, ${userId},
              ${keyId}, ${model}, ${change.kind}, ${change.amount}, ${change.windowMs}, 1)
            on conflict on constraint one_limit_per_subject do nothing
            returning *`.execute(tx)
        : await sql<LimitRow>`
            update limits set amount = ${change.amount}, version = version + 1
            where organisation_id = ${organisationId} and project_id = ${projectId}
              and user_id = ${userId} and key_id = ${keyId} and model = ${model}
              and kind = ${change.kind} and window_ms = ${change.windowMs}
              and version = ${expectedVersion}
            returning *`.execute(tx);
    const [row] = written.rows;
    if (row === undefined) throw faults.version_mismatch();
    await recordChange(tx, { organisationId, nowMs: await readClock(tx, books) });
    return toLimit(row);
  });
}

/** Takes a limit away. Throws `quota.not_found` and `quota.version_mismatch`. */
export function deleteLimit(books: Books, removal: Removal): Promise<Limit> {
  const { organisationId, id, expectedVersion } = removal;
  return transaction(books.database, async (tx) => {
    const { rows } = await sql<LimitRow>`
      delete from limits where id = ${id} and organisation_id = ${organisationId}
      returning *`.execute(tx);
    const [row] = rows;
    if (row === undefined) throw faults.not_found();
    // Thrown inside the transaction, so the row stays.
    if (expectedVersion !== 0n && row.version !== expectedVersion) throw faults.version_mismatch();
    await recordChange(tx, { organisationId, nowMs: await readClock(tx, books) });
    return toLimit(row);
  });
}

export async function findLimits(
  executor: Executor,
  organisationId: string,
): Promise<readonly Limit[]> {
  const { rows } = await sql<LimitRow>`
    select * from limits where organisation_id = ${organisationId} order by id`.execute(executor);
  return rows.map(toLimit);
}

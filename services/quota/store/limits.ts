import { type Executor, sql, transaction } from "@tandem/libs/store";
import { newId } from "@tandem/libs/world";
import { ceilingBelow } from "../core/ceiling.ts";
import { type Limit, type LimitKind, limitAt } from "../core/limit.ts";
import type { Setter, Subject } from "../core/subject.ts";
import { faults } from "../faults.ts";
import { type Books, readClock } from "./books.ts";
import { recordChange } from "./changes.ts";
import { type RaiseChange, type RaiseColumns, raiseOf, toRaise } from "./raise-columns.ts";

export interface LimitChange {
  /** Empty for one that is not known yet. */
  readonly id: string;
  readonly setBy: Setter;
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
  /** Who takes it away: nobody takes away what another has set. */
  readonly setBy: Setter;
}

interface LimitRow extends RaiseColumns {
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
  readonly set_by: Setter;
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
    setBy: row.set_by,
    raise: toRaise(row),
  };
}

/**
 * Sets the limit of a subject, kind and window: there is one of each. Throws
 * `quota.version_mismatch` when it is not at the version expected, and `quota.above_allowance` for an
 * organisation's own that is more than the platform allows.
 */
export function setLimit(books: Books, change: LimitChange): Promise<Limit> {
  const { subject, expectedVersion, setBy } = change;
  const { organisationId, projectId, userId, keyId, model } = subject;
  return transaction(books.database, async (tx) => {
    const nowMs = await readClock(tx, books);
    await checkSetter(tx, change);
    if (setBy === "organisation") await checkCeilings(tx, change, nowMs);
    const written =
      expectedVersion === 0n
        ? await sql<LimitRow>`
            insert into limits (id, organisation_id, project_id, user_id, key_id, model, kind,
              amount, window_ms, version, set_by)
            values (${newId(books.world, "lim")}, ${organisationId}, ${projectId}, ${userId},
              ${keyId}, ${model}, ${change.kind}, ${change.amount}, ${change.windowMs}, 1, ${setBy})
            on conflict on constraint one_limit_per_subject do nothing
            returning *`.execute(tx)
        : await sql<LimitRow>`
            update limits set amount = ${change.amount}, version = version + 1
            where organisation_id = ${organisationId} and project_id = ${projectId}
              and user_id = ${userId} and key_id = ${keyId} and model = ${model}
              and kind = ${change.kind} and window_ms = ${change.windowMs}
              and version = ${expectedVersion} and set_by = ${setBy}
            returning *`.execute(tx);
    const [row] = written.rows;
    if (row === undefined) throw faults.version_mismatch();
    await recordChange(tx, { organisationId, nowMs });
    return toLimit(row);
  });
}

/** Throws `quota.locked` when somebody else has set it. */
async function checkSetter(tx: Executor, { id, setBy, subject }: LimitChange): Promise<void> {
  const { rows } = await sql`
    select 1 from limits where id = ${id} and organisation_id = ${subject.organisationId}
      and set_by <> ${setBy}`.execute(tx);
  if (rows.length > 0) throw faults.locked();
}

/** Throws `quota.above_allowance` for more than the platform lets this part of an organisation do. */
export async function checkCeilings(
  tx: Executor,
  wanted: Pick<LimitChange, "subject" | "kind" | "amount" | "windowMs">,
  nowMs: number,
): Promise<void> {
  const all = await findLimits(tx, wanted.subject.organisationId);
  const ceilings = all
    .filter(({ setBy }) => setBy === "platform")
    .map((limit) => ({ ...limit, amount: BigInt(limitAt(limit, nowMs).amount) }));
  const exceeded = ceilingBelow(wanted, ceilings);
  if (exceeded === undefined) return;
  const { kind, amount, windowMs } = exceeded;
  throw faults.above_allowance({
    context: { kind, allowed: Number(amount), window_seconds: windowMs / 1_000 },
  });
}

/**
 * Takes a limit away. Throws `quota.not_found`, `quota.locked` and `quota.version_mismatch`.
 */
export function deleteLimit(books: Books, removal: Removal): Promise<Limit> {
  const { organisationId, id, expectedVersion } = removal;
  return transaction(books.database, async (tx) => {
    const { rows } = await sql<LimitRow>`
      delete from limits where id = ${id} and organisation_id = ${organisationId}
      returning *`.execute(tx);
    const [row] = rows;
    if (row === undefined) throw faults.not_found();
    // Thrown inside the transaction, so the row stays.
    if (row.set_by !== removal.setBy) throw faults.locked();
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

/** Organisations that have a limit or a wallet, in the order of their ids. */
export async function findOrganisations(
  executor: Executor,
  limit: number,
): Promise<readonly string[]> {
  const { rows } = await sql<{ id: string }>`
    select organisation_id as id from limits union select organisation_id from wallets
    order by id limit ${limit}`.execute(executor);
  return rows.map(({ id }) => id);
}

/** The limits of several organisations, by organisation. */
export async function findLimitsOf(
  executor: Executor,
  organisationIds: readonly string[],
): Promise<ReadonlyMap<string, readonly Limit[]>> {
  const { rows } = await sql<LimitRow>`
    select * from limits where organisation_id = any(${[...organisationIds]}::text[])
    order by id`.execute(executor);
  return Map.groupBy(rows.map(toLimit), ({ subject }) => subject.organisationId);
}

/**
 * Raises a limit until a time, or ends that. Throws `quota.not_found`, `quota.locked`,
 * `quota.version_mismatch` and `quota.above_allowance`.
 */
export function raiseLimit(books: Books, change: RaiseChange): Promise<Limit> {
  const { organisationId, id, setBy } = change;
  return transaction(books.database, async (tx) => {
    const nowMs = await readClock(tx, books);
    const { rows } = await sql<LimitRow>`
      select * from limits where id = ${id} and organisation_id = ${organisationId}
      for update`.execute(tx);
    const [row] = rows;
    if (row === undefined) throw faults.not_found();
    const limit = toLimit(row);
    const raise = raiseOf(change, { ...limit, setBy: row.set_by, amount: row.amount, nowMs });
    if (change.untilMs > 0 && setBy === "organisation") {
      await checkCeilings(tx, { ...limit, amount: change.amount }, nowMs);
    }
    await sql`
      update limits set version = version + 1, raise_amount = ${raise?.amount ?? null},
        raise_until_ms = ${raise?.untilMs ?? null}, raise_by = ${raise?.by ?? ""},
        raise_reason = ${raise?.reason ?? ""}
      where id = ${id}`.execute(tx);
    await recordChange(tx, { organisationId, nowMs });
    return { ...limit, version: limit.version + 1n, raise };
  });
}

import { formatNanos } from "@tandem/libs/kernel";
import { type Executor, sql } from "@tandem/libs/store";
import { newId } from "@tandem/libs/world";
import { type BudgetPeriod, periodAt } from "../core/budget-period.ts";
import { spendCeilingBelow } from "../core/ceiling.ts";
import { isSubjectField, mayApplyWithin, type Setter, type Subject } from "../core/subject.ts";
import { faults } from "../faults.ts";
import { type Books, changeBooks, type LockedWallet, lockWallet, readClock } from "./books.ts";
import { findBudgets, type RunningBudget } from "./budget-rows.ts";
import { recordChange } from "./changes.ts";
import { openWallet } from "./credit.ts";
import { netSettlements } from "./give-backs.ts";
import type { Removal } from "./limits.ts";
import { type RaiseChange, raiseOf } from "./raise-columns.ts";
import { warnOfPeriod } from "./warnings.ts";

export interface BudgetChange {
  /** Empty to find it by subject and period, which are one budget's alone. */
  readonly id: string;
  readonly subject: Subject;
  readonly nanos: bigint;
  readonly period: BudgetPeriod;
  readonly setBy: Setter;
  readonly isSoft: boolean;
  /** Percent of it, rising. */
  readonly warnAt: readonly number[];
  /** The version that was read; 0 for a budget that must not exist yet. */
  readonly expectedVersion: bigint;
  /** Of the wallet, if this is the first that is heard of the organisation. */
  readonly currency: string;
}

/**
 * Sets a budget. A new one counts what its period has seen already, and holds what leases could
 * still spend of it; those leases end, so that none serves what it was not held against.
 * Throws `quota.version_mismatch`, `quota.not_found` and, for an organisation's own that is more than
 * the platform allows, `quota.above_allowance`.
 */
export function setBudget(books: Books, change: BudgetChange): Promise<RunningBudget> {
  const { organisationId } = change.subject;
  return changeBooks(books, organisationId, async (tx) => {
    await openWallet(tx, books, { organisationId, currency: change.currency });
    const wallet = await lockWallet(tx, books, organisationId);
    if (wallet === undefined) throw faults.not_found();
    await checkSetter(tx, change);
    const existing = await findExisting(tx, change);
    if ((existing?.version ?? 0n) !== change.expectedVersion) {
      throw faults.version_mismatch({ detail: `it is at version ${existing?.version ?? 0n}` });
    }
    if (existing === undefined && change.id !== "") throw faults.not_found();
    if (change.setBy === "organisation") await checkSpendCeilings(tx, change, wallet.nowMs);
    const id = existing?.id ?? newId(books.world, "bdg");
    if (existing === undefined) await insertBudget(tx, { change, wallet, id });
    else {
      await sql`
        update budgets set nanos = ${change.nanos}, warn_at = ${[...change.warnAt]}::integer[],
          version = version + 1
        where id = ${id}`.execute(tx);
    }
    const set = await findBudget(tx, { organisationId, id, nowMs: wallet.nowMs });
    await warnOfPeriod(tx, books, { budget: set, nowMs: wallet.nowMs });
    await recordChange(tx, wallet);
    return set;
  });
}

/** Throws `quota.locked` when somebody else has set it. */
async function checkSetter(tx: Executor, { id, setBy, subject }: BudgetChange): Promise<void> {
  const { rows } = await sql`
    select 1 from budgets where id = ${id} and organisation_id = ${subject.organisationId}
      and set_by <> ${setBy} and deleted_at_ms is null`.execute(tx);
  if (rows.length > 0) throw faults.locked();
}

/** Throws `quota.above_allowance` for more than the platform lets this part of an organisation spend. */
async function checkSpendCeilings(
  tx: Executor,
  wanted: Pick<BudgetChange, "subject" | "period" | "nanos">,
  nowMs: number,
): Promise<void> {
  const { organisationId } = wanted.subject;
  const ceilings = (await findBudgets(tx, { organisationId, nowMs }))
    .filter(({ setBy, isSoft }) => setBy === "platform" && !isSoft)
    .map((budget) => ({ ...budget, nanos: budget.inForceNanos }));
  const exceeded = spendCeilingBelow(wanted, ceilings);
  if (exceeded === undefined) return;
  const allowed = formatNanos(exceeded.nanos);
  throw faults.above_allowance({ context: { allowed, period: exceeded.period } });
}

/** Takes a budget away. Throws `quota.not_found`, `quota.locked`, `quota.version_mismatch`. */
export function deleteBudget(books: Books, removal: Removal): Promise<RunningBudget> {
  const { organisationId, id, expectedVersion } = removal;
  return changeBooks(books, organisationId, async (tx) => {
    const wallet = await lockWallet(tx, books, organisationId);
    if (wallet === undefined) throw faults.not_found();
    const deleted = await findBudget(tx, { organisationId, id, nowMs: wallet.nowMs });
    if (deleted.setBy !== removal.setBy) throw faults.locked();
    if (expectedVersion !== 0n && deleted.version !== expectedVersion) {
      throw faults.version_mismatch();
    }
    await sql`update budgets set deleted_at_ms = ${wallet.nowMs} where id = ${id}`.execute(tx);
    await recordChange(tx, wallet);
    return deleted;
  });
}

/**
 * Raises a budget until a time, or ends that. Throws `quota.not_found`, `quota.locked`,
 * `quota.version_mismatch` and `quota.above_allowance`.
 */
export function raiseBudget(books: Books, change: RaiseChange): Promise<RunningBudget> {
  const { organisationId, id } = change;
  return changeBooks(books, organisationId, async (tx) => {
    const wallet = await lockWallet(tx, books, organisationId);
    if (wallet === undefined) throw faults.not_found();
    const { nowMs } = wallet;
    const known = await findBudget(tx, { organisationId, id, nowMs });
    const raise = raiseOf(change, { ...known, amount: known.nanos, nowMs });
    if (change.untilMs > 0 && change.setBy === "organisation") {
      await checkSpendCeilings(tx, { ...known, nanos: change.amount }, nowMs);
    }
    await sql`
      update budgets set version = version + 1, raise_amount = ${raise?.amount ?? null},
        raise_until_ms = ${raise?.untilMs ?? null}, raise_by = ${raise?.by ?? ""},
        raise_reason = ${raise?.reason ?? ""}
      where id = ${id}`.execute(tx);
    await recordChange(tx, wallet);
    return findBudget(tx, { organisationId, id, nowMs });
  });
}

/** The organisation's budgets, each with what is spent and held in the period that is running. */
export async function listBudgets(
  books: Books,
  organisationId: string,
): Promise<readonly RunningBudget[]> {
  const nowMs = await readClock(books.database, books);
  return findBudgets(books.database, { organisationId, nowMs });
}

async function findBudget(
  tx: Executor,
  asked: { readonly organisationId: string; readonly id: string; readonly nowMs: number },
): Promise<RunningBudget> {
  const budgets = await findBudgets(tx, asked);
  const budget = budgets.find(({ id }) => id === asked.id);
  if (budget === undefined) throw faults.not_found();
  return budget;
}

async function findExisting(
  tx: Executor,
  { id, subject, period, setBy, isSoft }: BudgetChange,
): Promise<{ readonly id: string; readonly version: bigint } | undefined> {
  const { rows } = await sql<{ id: string; version: bigint }>`
    select id, version from budgets
    where organisation_id = ${subject.organisationId} and project_id = ${subject.projectId}
      and user_id = ${subject.userId} and key_id = ${subject.keyId} and model = ${subject.model}
      and period = ${period} and set_by = ${setBy} and is_soft = ${isSoft}
      and deleted_at_ms is null
      and (${id} = '' or id = ${id})`.execute(tx);
  return rows[0];
}

interface NewBudget {
  readonly change: BudgetChange;
  readonly wallet: LockedWallet;
  readonly id: string;
}

async function insertBudget(tx: Executor, given: NewBudget): Promise<void> {
  const { change, wallet, id } = given;
  const { organisationId, projectId, userId, keyId, model } = change.subject;
  await sql`
    insert into budgets (id, organisation_id, project_id, user_id, key_id, model, nanos, period,
      version, created_at_ms, set_by, is_soft, warn_at)
    values (${id}, ${organisationId}, ${projectId}, ${userId}, ${keyId}, ${model}, ${change.nanos},
      ${change.period}, 1, ${wallet.nowMs}, ${change.setBy}, ${change.isSoft},
      ${[...change.warnAt]}::integer[])`.execute(tx);
  const span = periodAt(change.period, wallet.nowMs);
  await sql`
    insert into budget_periods (budget_id, period_key, initial_nanos, spent_nanos, held_nanos)
    select ${id}, ${span.key}, spent, spent, 0 from (
      select coalesce(sum(charged_nanos), 0)::bigint as spent
      from ${netSettlements(organisationId)} as settled
      where at_ms >= ${span.startsAtMs}
        and ${projectId} in ('', project_id) and ${userId} in ('', user_id)
        and ${keyId} in ('', key_id) and ${model} in ('', model)
    ) as so_far`.execute(tx);
  await holdOpenLeases(tx, given, span.key);
}

/** Counts what open leases may still spend of the new budget, and ends them. */
async function holdOpenLeases(
  tx: Executor,
  { change, id }: NewBudget,
  periodKey: string,
): Promise<void> {
  const { rows } = await sql<{
    id: string;
    scope_fields: string[];
    organisation_id: string;
    project_id: string;
    user_id: string;
    key_id: string;
    model: string;
  }>`
    select id, scope_fields, organisation_id, project_id, user_id, key_id, model from leases
    where organisation_id = ${change.subject.organisationId} and state <> 'closed'`.execute(tx);
  const affected = rows.filter((row) =>
    mayApplyWithin(change.subject, {
      fields: row.scope_fields.filter(isSubjectField),
      subject: {
        organisationId: row.organisation_id,
        projectId: row.project_id,
        userId: row.user_id,
        keyId: row.key_id,
        model: row.model,
      },
    }),
  );
  const leaseIds = affected.map((row) => row.id);
  await sql`
    insert into lease_budgets (lease_id, budget_id, period_key)
    select lease_id, ${id}, ${periodKey} from unnest(${leaseIds}::text[]) as given (lease_id)
    `.execute(tx);
  await sql`
    update budget_periods set held_nanos = coalesce((
      select sum(balance) from accounts
      where id in (select 'hold:' || lease_id from unnest(${leaseIds}::text[]) as given (lease_id))
    ), 0)::bigint
    where budget_id = ${id} and period_key = ${periodKey}`.execute(tx);
  await sql`
    update leases set state = 'draining' where id = any(${leaseIds}::text[])`.execute(tx);
}

import { type Executor, type RawBuilder, sql } from "@tandem/libs/store";
import {
  type BudgetPeriod,
  budgetPeriods,
  type PeriodSpan,
  periodAt,
} from "../core/budget-period.ts";
import { amountAt, hasEndedSince, type Raise, raiseAt } from "../core/raise.ts";
import type { BudgetMove } from "../core/settlement.ts";
import type { Room } from "../core/slice.ts";
import { narrowestField, type Setter, type Subject, type SubjectField } from "../core/subject.ts";
import { type RaiseColumns, toRaise } from "./raise-columns.ts";

/** A budget in the period that is running. */
export interface RunningBudget {
  readonly id: string;
  readonly subject: Subject;
  readonly nanos: bigint;
  readonly period: BudgetPeriod;
  readonly span: PeriodSpan;
  readonly spentNanos: bigint;
  /** What leases hold against it. */
  readonly heldNanos: bigint;
  readonly version: bigint;
  readonly setBy: Setter;
  /** It warns and never refuses. */
  readonly isSoft: boolean;
  /** Percent of it, rising. */
  readonly warnAt: readonly number[];
  /** Its last raise, ended or not. */
  readonly raise: Raise | undefined;
  /** What holds now: `nanos`, or more while it is raised. */
  readonly inForceNanos: bigint;
  /** Of the wallet it is spent from. */
  readonly currency: string;
}

interface BudgetRow extends RaiseColumns {
  readonly id: string;
  readonly organisation_id: string;
  readonly project_id: string;
  readonly user_id: string;
  readonly key_id: string;
  readonly model: string;
  readonly nanos: bigint;
  readonly period: BudgetPeriod;
  readonly version: bigint;
  readonly set_by: Setter;
  readonly is_soft: boolean;
  readonly warn_at: readonly number[];
  readonly currency: string;
  readonly spent: bigint;
  readonly held: bigint;
}

/** The organisation's budgets; those that count for `subject` only, where one is given. */
export async function findBudgets(
  executor: Executor,
  asked: {
    readonly organisationId: string;
    readonly nowMs: number;
    readonly subject?: Subject;
  },
): Promise<readonly RunningBudget[]> {
  const { organisationId, nowMs, subject } = asked;
  const isAny = subject === undefined;
  const { rows } = await sql<BudgetRow>`
    ${runningBudgets(nowMs)}
    where budgets.organisation_id = ${organisationId} and deleted_at_ms is null
      and (${isAny} or (project_id in ('', ${subject?.projectId ?? ""})
        and user_id in ('', ${subject?.userId ?? ""}) and key_id in ('', ${subject?.keyId ?? ""})
        and model in ('', ${subject?.model ?? ""})))
    order by budgets.id`.execute(executor);
  return rows.map((row) => toRunning(row, nowMs));
}

/** Of all organisations those of which at least so much is spent or held, the fullest first. */
export async function findFullest(
  executor: Executor,
  asked: { readonly nowMs: number; readonly percentMin: number; readonly limit: number },
): Promise<readonly RunningBudget[]> {
  const { nowMs, percentMin, limit } = asked;
  const used = sql`(coalesce(running.spent_nanos, 0) + coalesce(running.held_nanos, 0))::numeric`;
  const inForce = sql`
    (case when raise_until_ms > ${nowMs} then greatest(nanos, raise_amount) else nanos end)`;
  const { rows } = await sql<BudgetRow>`
    ${runningBudgets(nowMs)}
    where deleted_at_ms is null and ${used} * 100 >= ${inForce} * ${percentMin}::numeric
    order by ${used} / greatest(${inForce}, 1) desc, budgets.id limit ${limit}`.execute(executor);
  return rows.map((row) => toRunning(row, nowMs));
}

/** Each budget with the period that is running. */
function runningBudgets(nowMs: number): RawBuilder<unknown> {
  const spans = budgetPeriods.map((period) => periodAt(period, nowMs));
  return sql`
    select budgets.*, wallets.currency, coalesce(running.spent_nanos, 0)::bigint as spent,
      coalesce(running.held_nanos, 0)::bigint as held
    from budgets
    join wallets on wallets.organisation_id = budgets.organisation_id
    join unnest(${[...budgetPeriods]}::text[], ${spans.map(({ key }) => key)}::text[])
      as span (period, key) on span.period = budgets.period
    left join budget_periods as running
      on running.budget_id = budgets.id and running.period_key = span.key`;
}

function toRunning(row: BudgetRow, nowMs: number): RunningBudget {
  const raise = toRaise(row);
  return {
    id: row.id,
    subject: {
      organisationId: row.organisation_id,
      projectId: row.project_id,
      userId: row.user_id,
      keyId: row.key_id,
      model: row.model,
    },
    nanos: row.nanos,
    period: row.period,
    span: periodAt(row.period, nowMs),
    spentNanos: row.spent,
    heldNanos: row.held,
    version: row.version,
    setBy: row.set_by,
    isSoft: row.is_soft,
    warnAt: row.warn_at,
    raise,
    inForceNanos: amountAt(row.nanos, raise, nowMs),
    currency: row.currency,
  };
}

/** The fields by which budgets tell this organisation's requests apart; see `scopedBy` in core. */
export async function findScopeFields(
  executor: Executor,
  organisationId: string,
): Promise<readonly SubjectField[]> {
  type Flags = Readonly<Record<SubjectField, boolean>>;
  const { rows } = await sql<Flags>`
    select coalesce(bool_or(project_id <> ''), false) as project,
      coalesce(bool_or(user_id <> ''), false) as user,
      coalesce(bool_or(key_id <> ''), false) as key,
      coalesce(bool_or(model <> ''), false) as model
    from budgets where organisation_id = ${organisationId} and deleted_at_ms is null`.execute(
    executor,
  );
  const [flags] = rows;
  const fields: SubjectField[] = ["project", "user", "key", "model"];
  return fields.filter((field) => flags?.[field] === true);
}

/** What each leaves to be spent; a soft one leaves everything, so it is not among them. */
export function roomsOf(budgets: readonly RunningBudget[]): readonly Room[] {
  return budgets
    .filter(({ isSoft }) => !isSoft)
    .map((budget) => ({
      source: narrowestField(budget.subject),
      remainingNanos: budget.inForceNanos - budget.spentNanos - budget.heldNanos,
      resetsAtMs: budget.span.endsAtMs,
    }));
}

/** How long a lease may be spent from without another word: never past the end of a raise. */
export function validMsOf(
  budgets: readonly RunningBudget[],
  { nowMs, validMs }: { readonly nowMs: number; readonly validMs: number },
): number {
  return budgets.reduce((least, budget) => {
    const raise = raiseAt(budget.raise, nowMs);
    return raise === undefined ? least : Math.min(least, raise.untilMs - nowMs);
  }, validMs);
}

/** A raise that the lease was granted by is over: what is left of it is not to be spent. */
export function hasOutlived(
  budgets: readonly RunningBudget[],
  times: { readonly sinceMs: number; readonly nowMs: number },
): boolean {
  return budgets.some(({ raise }) => hasEndedSince(raise, times));
}

/** From now on the lease counts against these budgets, in the periods that are running. */
export async function attachBudgets(
  tx: Executor,
  leaseId: string,
  budgets: readonly RunningBudget[],
): Promise<void> {
  if (budgets.length === 0) return;
  const ids = budgets.map(({ id }) => id);
  const keys = budgets.map(({ span }) => span.key);
  await sql`
    with running as (
      insert into budget_periods (budget_id, period_key, initial_nanos, spent_nanos, held_nanos)
      select id, key, 0, 0, 0 from unnest(${ids}::text[], ${keys}::text[]) as given (id, key)
      on conflict do nothing
    )
    insert into lease_budgets (lease_id, budget_id, period_key)
    select ${leaseId}, id, key from unnest(${ids}::text[], ${keys}::text[]) as given (id, key)
    on conflict (lease_id, budget_id) do nothing`.execute(tx);
}

/** Budgets in their running periods, as `id@period`. */
export function marksOf(budgets: readonly RunningBudget[]): readonly string[] {
  return budgets.map(({ id, span }) => `${id}@${span.key}`);
}

/** Adds what a lease holds more, or less, to every budget it is held against. */
export async function moveHeld(tx: Executor, leaseId: string, nanos: bigint): Promise<void> {
  await sql`
    update budget_periods as running set held_nanos = held_nanos + ${nanos}::bigint
    from lease_budgets as attached
    where attached.lease_id = ${leaseId} and running.budget_id = attached.budget_id
      and running.period_key = attached.period_key`.execute(tx);
}

/** A budget's period after something was spent of it. */
export interface MovedBudget extends RaiseColumns {
  readonly id: string;
  readonly organisation_id: string;
  readonly period_key: string;
  readonly spent: bigint;
  readonly told_percent: number;
  readonly nanos: bigint;
  readonly is_soft: boolean;
  readonly warn_at: readonly number[];
}

/** Books what settlements moved, each budget's period once. */
export async function moveBudgets(
  tx: Executor,
  moves: readonly BudgetMove[],
): Promise<readonly MovedBudget[]> {
  if (moves.length === 0) return [];
  const { rows } = await sql<MovedBudget>`
    update budget_periods as running
    set held_nanos = held_nanos + move.held, spent_nanos = spent_nanos + move.spent
    from unnest(${moves.map(({ budgetId }) => budgetId)}::text[],
      ${moves.map(({ periodKey }) => periodKey)}::text[],
      ${moves.map(({ heldNanos }) => heldNanos)}::bigint[],
      ${moves.map(({ spentNanos }) => spentNanos)}::bigint[])
      as move (budget_id, period_key, held, spent), budgets
    where running.budget_id = move.budget_id and running.period_key = move.period_key
      and budgets.id = running.budget_id
    returning budgets.id, budgets.organisation_id, running.period_key, told_percent,
      running.spent_nanos as spent, budgets.nanos, is_soft, warn_at, raise_amount, raise_until_ms,
      raise_by, raise_reason`.execute(tx);
  return rows;
}

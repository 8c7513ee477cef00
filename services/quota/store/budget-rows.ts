import { type Executor, sql } from "@tandem/libs/store";
import {
  type BudgetPeriod,
  budgetPeriods,
  type PeriodSpan,
  periodAt,
} from "../core/budget-period.ts";
import type { BudgetMove } from "../core/settlement.ts";
import type { Room } from "../core/slice.ts";
import { narrowestField, type Subject, type SubjectField } from "../core/subject.ts";

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
}

interface BudgetRow {
  readonly id: string;
  readonly organisation_id: string;
  readonly project_id: string;
  readonly user_id: string;
  readonly key_id: string;
  readonly model: string;
  readonly nanos: bigint;
  readonly period: BudgetPeriod;
  readonly version: bigint;
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
  const spans = budgetPeriods.map((period) => periodAt(period, nowMs));
  const isAny = subject === undefined;
  const { rows } = await sql<BudgetRow>`
    select budgets.*, coalesce(running.spent_nanos, 0)::bigint as spent,
      coalesce(running.held_nanos, 0)::bigint as held
    from budgets
    join unnest(${[...budgetPeriods]}::text[], ${spans.map(({ key }) => key)}::text[])
      as span (period, key) on span.period = budgets.period
    left join budget_periods as running
      on running.budget_id = budgets.id and running.period_key = span.key
    where budgets.organisation_id = ${organisationId} and deleted_at_ms is null
      and (${isAny} or (project_id in ('', ${subject?.projectId ?? ""})
        and user_id in ('', ${subject?.userId ?? ""}) and key_id in ('', ${subject?.keyId ?? ""})
        and model in ('', ${subject?.model ?? ""})))
    order by budgets.id`.execute(executor);
  return rows.map((row) => ({
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
  }));
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

export function roomOf(budget: RunningBudget): Room {
  return {
    source: narrowestField(budget.subject),
    remainingNanos: budget.nanos - budget.spentNanos - budget.heldNanos,
    resetsAtMs: budget.span.endsAtMs,
  };
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

/** Books what settlements moved, each budget's period once. */
export async function moveBudgets(tx: Executor, moves: readonly BudgetMove[]): Promise<void> {
  if (moves.length === 0) return;
  await sql`
    update budget_periods as running
    set held_nanos = held_nanos + move.held, spent_nanos = spent_nanos + move.spent
    from unnest(${moves.map(({ budgetId }) => budgetId)}::text[],
      ${moves.map(({ periodKey }) => periodKey)}::text[],
      ${moves.map(({ heldNanos }) => heldNanos)}::bigint[],
      ${moves.map(({ spentNanos }) => spentNanos)}::bigint[])
      as move (budget_id, period_key, held, spent)
    where running.budget_id = move.budget_id and running.period_key = move.period_key`.execute(tx);
}

import { type Executor, sql } from "@tandem/libs/store";
import { newId } from "@tandem/libs/world";
import type { BudgetPeriod } from "../core/budget-period.ts";
import { amountAt } from "../core/raise.ts";
import type { Subject } from "../core/subject.ts";
import { reachedThresholds, usedPercent } from "../core/thresholds.ts";
import type { Books } from "./books.ts";
import type { MovedBudget, RunningBudget } from "./budget-rows.ts";
import { toRaise } from "./raise-columns.ts";

/** A threshold that was reached just now. */
export interface BudgetWarning {
  readonly organisationId: string;
  readonly budgetId: string;
  readonly periodKey: string;
  readonly percent: number;
  readonly spentNanos: bigint;
  /** Of the budget at that moment. */
  readonly nanos: bigint;
  readonly isSoft: boolean;
}

interface Period extends Omit<BudgetWarning, "percent"> {
  readonly warnAt: readonly number[];
  readonly toldPercent: number;
}

/**
 * Writes down the thresholds that these settlements have reached, each once in a period: in their
 * transaction, under the lock of their wallet, so that neither a kill nor a twin tells one twice or
 * not at all.
 */
export async function warnOfMoved(
  tx: Executor,
  books: Pick<Books, "world">,
  { moved, nowMs }: { readonly moved: readonly MovedBudget[]; readonly nowMs: number },
): Promise<readonly BudgetWarning[]> {
  const warnings = moved.flatMap((row) =>
    warningsOf({
      organisationId: row.organisation_id,
      budgetId: row.id,
      periodKey: row.period_key,
      spentNanos: row.spent,
      nanos: amountAt(row.nanos, toRaise(row), nowMs),
      isSoft: row.is_soft,
      warnAt: row.warn_at,
      toldPercent: row.told_percent,
    }),
  );
  await insertWarnings(tx, books, { warnings, nowMs });
  return warnings;
}

/** The same for a budget that was set, or changed, when much of it was spent already. */
export async function warnOfPeriod(
  tx: Executor,
  books: Pick<Books, "world">,
  { budget, nowMs }: { readonly budget: RunningBudget; readonly nowMs: number },
): Promise<void> {
  const { rows } = await sql<{ told: number }>`
    select told_percent as told from budget_periods
    where budget_id = ${budget.id} and period_key = ${budget.span.key}`.execute(tx);
  const [period] = rows;
  if (period === undefined) return;
  const { id, subject, span, spentNanos, inForceNanos: nanos, isSoft, warnAt } = budget;
  const warnings = warningsOf({
    ...{ organisationId: subject.organisationId, budgetId: id, periodKey: span.key },
    ...{ spentNanos, nanos, isSoft, warnAt, toldPercent: period.told },
  });
  await insertWarnings(tx, books, { warnings, nowMs });
}

function warningsOf({ warnAt, toldPercent, ...period }: Period): readonly BudgetWarning[] {
  const used = usedPercent(period.spentNanos, period.nanos);
  return reachedThresholds(warnAt, { usedPercent: used, toldPercent }).map((percent) => ({
    ...period,
    percent,
  }));
}

async function insertWarnings(
  tx: Executor,
  { world }: Pick<Books, "world">,
  { warnings, nowMs }: { readonly warnings: readonly BudgetWarning[]; readonly nowMs: number },
): Promise<void> {
  if (warnings.length === 0) return;
  const of = <Value>(pick: (warning: BudgetWarning) => Value): Value[] => warnings.map(pick);
  await sql`
    with told as (
      insert into budget_warnings (id, organisation_id, budget_id, period_key, percent, spent_nanos,
        nanos, at_ms)
      select id, organisation, budget, period, percent, spent, nanos, ${nowMs} from unnest(
        ${of(() => newId(world, "bwn"))}::text[], ${of((w) => w.organisationId)}::text[],
        ${of((w) => w.budgetId)}::text[], ${of((w) => w.periodKey)}::text[],
        ${of((w) => w.percent)}::integer[], ${of((w) => w.spentNanos)}::bigint[],
        ${of((w) => w.nanos)}::bigint[])
        as given (id, organisation, budget, period, percent, spent, nanos)
      on conflict on constraint one_warning_per_threshold do nothing
    )
    update budget_periods as running set told_percent = greatest(told_percent, most.percent)
    from (
      select budget, period, max(percent) as percent from unnest(
        ${of((w) => w.budgetId)}::text[], ${of((w) => w.periodKey)}::text[],
        ${of((w) => w.percent)}::integer[]) as given (budget, period, percent)
      group by budget, period
    ) as most
    where running.budget_id = most.budget and running.period_key = most.period`.execute(tx);
}

export interface ToldWarning {
  readonly id: string;
  readonly budgetId: string;
  readonly subject: Subject;
  readonly period: BudgetPeriod;
  readonly periodKey: string;
  readonly percent: number;
  readonly spentNanos: bigint;
  readonly nanos: bigint;
  readonly isSoft: boolean;
  readonly atMs: number;
}

/** Newest first; those of budgets that were taken away meanwhile, too. */
export async function listWarnings(
  executor: Executor,
  asked: { readonly organisationId: string; readonly limit: number; readonly after: string },
): Promise<readonly ToldWarning[]> {
  const { organisationId, limit, after } = asked;
  const { rows } = await sql<{
    id: string;
    budget_id: string;
    project_id: string;
    user_id: string;
    key_id: string;
    model: string;
    period: BudgetPeriod;
    period_key: string;
    percent: number;
    spent_nanos: bigint;
    nanos: bigint;
    is_soft: boolean;
    at_ms: bigint;
  }>`
    select told.id, budget_id, project_id, user_id, key_id, model, period, period_key, percent,
      spent_nanos, told.nanos, is_soft, at_ms
    from budget_warnings as told join budgets on budgets.id = told.budget_id
    where told.organisation_id = ${organisationId} and (${after} = '' or told.id < ${after})
    order by told.id desc limit ${limit}`.execute(executor);
  return rows.map((row) => ({
    id: row.id,
    budgetId: row.budget_id,
    subject: {
      organisationId,
      ...{ projectId: row.project_id, userId: row.user_id, keyId: row.key_id, model: row.model },
    },
    period: row.period,
    periodKey: row.period_key,
    percent: row.percent,
    spentNanos: row.spent_nanos,
    nanos: row.nanos,
    isSoft: row.is_soft,
    atMs: Number(row.at_ms),
  }));
}

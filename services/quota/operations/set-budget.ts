import type { Budget, SetBudgetRequest } from "@tandem/contracts/rpc/quota/v1/quota_pb";
import type { CallContext, MessageInit } from "@tandem/libs/rpc";
import { requireSetter } from "../authority.ts";
import { isBudgetPeriod } from "../core/budget-period.ts";
import { raiseAt } from "../core/raise.ts";
import { thresholdPercentMax, thresholdsMax } from "../core/thresholds.ts";
import { faults } from "../faults.ts";
import { type Books, readClock } from "../store/books.ts";
import type { RunningBudget } from "../store/budget-rows.ts";
import { setBudget } from "../store/budgets.ts";
import { readName, readNanos, readSubject } from "./read-request.ts";
import { raiseToWire } from "./set-limit.ts";

/** Sets the one budget of a subject and period, from the version that was read. */
export async function setBudgetOperation(
  { books, currency }: { readonly books: Books; readonly currency: string },
  request: SetBudgetRequest,
  context: CallContext,
): Promise<MessageInit<Budget>> {
  const { budget } = request;
  const subject = readSubject(budget?.subject);
  const { organisationId } = subject;
  const setBy = requireSetter(context, { organisationId, setBy: budget?.setBy ?? "" });
  const { period = "" } = budget ?? {};
  if (!isBudgetPeriod(period)) {
    throw faults.malformed({ publicMessage: "A budget's period is day, month or total." });
  }
  const set = await setBudget(books, {
    id: readName("id", budget?.id ?? ""),
    subject,
    nanos: readNanos("nanos", budget?.nanos ?? 0n),
    period,
    setBy,
    isSoft: budget?.soft ?? false,
    warnAt: readThresholds(budget?.warnAtPercent ?? []),
    expectedVersion: request.expectedVersion,
    currency,
  });
  return budgetToWire(set, await readClock(books.database, books));
}

function readThresholds(percents: readonly number[]): readonly number[] {
  const thresholds = [...new Set(percents)].sort((left, right) => left - right);
  const isSound = thresholds.every((percent) => percent >= 1 && percent <= thresholdPercentMax);
  if (isSound && thresholds.length <= thresholdsMax) return thresholds;
  throw faults.malformed({
    publicMessage: `A budget warns at up to ${thresholdsMax} thresholds from 1 to ${thresholdPercentMax} percent.`,
  });
}

/** As it is at that time: of a raise that has ended nothing is told. */
export function budgetToWire(budget: RunningBudget, nowMs: number): MessageInit<Budget> {
  const { id, subject, nanos, period, spentNanos, heldNanos, version, setBy } = budget;
  const raise = raiseAt(budget.raise, nowMs);
  return {
    ...{ id, subject, nanos, period, spentNanos, heldNanos, version, setBy },
    resetsAtMs: BigInt(budget.span.endsAtMs),
    soft: budget.isSoft,
    warnAtPercent: [...budget.warnAt],
    inForceNanos: budget.inForceNanos,
    ...(raise !== undefined && { raise: raiseToWire(raise) }),
  };
}

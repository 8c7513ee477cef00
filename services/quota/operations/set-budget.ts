import type { Budget, SetBudgetRequest } from "@tandem/contracts/rpc/quota/v1/quota_pb";
import type { CallContext, MessageInit } from "@tandem/libs/rpc";
import { requirePermission } from "../authority.ts";
import { isBudgetPeriod } from "../core/budget-period.ts";
import { faults } from "../faults.ts";
import type { Books } from "../store/books.ts";
import type { RunningBudget } from "../store/budget-rows.ts";
import { setBudget } from "../store/budgets.ts";
import { readName, readNanos, readSubject } from "./read-request.ts";

/** Sets the one budget of a subject and period, from the version that was read. */
export async function setBudgetOperation(
  { books, currency }: { readonly books: Books; readonly currency: string },
  request: SetBudgetRequest,
  context: CallContext,
): Promise<MessageInit<Budget>> {
  const { budget } = request;
  const subject = readSubject(budget?.subject);
  const { organisationId } = subject;
  requirePermission(context, { organisationId, permission: "limits:write" });
  const { period = "" } = budget ?? {};
  if (!isBudgetPeriod(period)) {
    throw faults.malformed({ publicMessage: "A budget's period is day, month or total." });
  }
  const set = await setBudget(books, {
    id: readName("id", budget?.id ?? ""),
    subject,
    nanos: readNanos("nanos", budget?.nanos ?? 0n),
    period,
    expectedVersion: request.expectedVersion,
    currency,
  });
  return budgetToWire(set);
}

export function budgetToWire(budget: RunningBudget): MessageInit<Budget> {
  const { id, subject, nanos, period, spentNanos, heldNanos, version, span } = budget;
  const resetsAtMs = BigInt(span.endsAtMs);
  return { id, subject, nanos, period, spentNanos, heldNanos, version, resetsAtMs };
}

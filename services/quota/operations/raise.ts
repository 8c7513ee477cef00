import type { Budget, Limit, RaiseRequest } from "@tandem/contracts/rpc/quota/v1/quota_pb";
import type { CallContext, MessageInit } from "@tandem/libs/rpc";
import { requireSetter } from "../authority.ts";
import { type Books, readClock } from "../store/books.ts";
import { raiseBudget } from "../store/budgets.ts";
import { raiseLimit } from "../store/limits.ts";
import type { RaiseChange } from "../store/raise-columns.ts";
import { readCount, readGivenName, readNanos, readNote } from "./read-request.ts";
import { budgetToWire } from "./set-budget.ts";
import { limitToWire } from "./set-limit.ts";

/** Lets more of a limit through until a time, or ends that. */
export async function raiseLimitOperation(
  books: Books,
  request: RaiseRequest,
  context: CallContext,
): Promise<MessageInit<Limit>> {
  const change = readRaise(request, context);
  readCount("amount", change.amount);
  const limit = await raiseLimit(books, change);
  return limitToWire(limit, await readClock(books.database, books));
}

/** Lets more of a budget be spent until a time, or ends that. */
export async function raiseBudgetOperation(
  books: Books,
  request: RaiseRequest,
  context: CallContext,
): Promise<MessageInit<Budget>> {
  const change = readRaise(request, context);
  const budget = await raiseBudget(books, {
    ...change,
    amount: readNanos("amount", change.amount),
  });
  return budgetToWire(budget, await readClock(books.database, books));
}

function readRaise(request: RaiseRequest, context: CallContext): RaiseChange {
  const organisationId = readGivenName("organisation_id", request.organisationId);
  const setBy = requireSetter(context, { organisationId, setBy: request.setBy });
  const { userId, keyId } = context.passport;
  return {
    organisationId,
    setBy,
    id: readGivenName("id", request.id),
    amount: request.amount,
    untilMs: readCount("until_ms", request.untilMs),
    by: userId || keyId || "platform",
    reason: readNote(request.reason),
    expectedVersion: request.expectedVersion,
  };
}

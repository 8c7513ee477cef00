import type { Budget, DeleteBudgetRequest } from "@tandem/contracts/rpc/quota/v1/quota_pb";
import type { CallContext, MessageInit } from "@tandem/libs/rpc";
import { requireSetter } from "../authority.ts";
import { type Books, readClock } from "../store/books.ts";
import { deleteBudget } from "../store/budgets.ts";
import { readGivenName } from "./read-request.ts";
import { budgetToWire } from "./set-budget.ts";

/** Takes a budget away; what was spent under it stays in the ledger. */
export async function deleteBudgetOperation(
  books: Books,
  request: DeleteBudgetRequest,
  context: CallContext,
): Promise<MessageInit<Budget>> {
  const organisationId = readGivenName("organisation_id", request.organisationId);
  const setBy = requireSetter(context, { organisationId, setBy: request.setBy });
  const id = readGivenName("id", request.id);
  const { expectedVersion } = request;
  const removal = { organisationId, id, expectedVersion, setBy };
  const deleted = await deleteBudget(books, removal);
  return budgetToWire(deleted, await readClock(books.database, books));
}

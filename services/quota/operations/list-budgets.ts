import type {
  ListBudgetsRequest,
  ListBudgetsResponse,
} from "@tandem/contracts/rpc/quota/v1/quota_pb";
import type { CallContext, MessageInit } from "@tandem/libs/rpc";
import { requireReader } from "../authority.ts";
import { type Books, readClock } from "../store/books.ts";
import { listBudgets } from "../store/budgets.ts";
import { readGivenName } from "./read-request.ts";
import { budgetToWire } from "./set-budget.ts";

/** All budgets of an organisation, with what is spent and held in the running period. */
export async function listBudgetsOperation(
  books: Books,
  request: ListBudgetsRequest,
  context: CallContext,
): Promise<MessageInit<ListBudgetsResponse>> {
  const organisationId = readGivenName("organisation_id", request.organisationId);
  requireReader(context, organisationId);
  const nowMs = await readClock(books.database, books);
  const budgets = await listBudgets(books, organisationId);
  return { budgets: budgets.map((budget) => budgetToWire(budget, nowMs)) };
}

import type {
  DeleteRuleRequest,
  PutRuleRequest,
  Rule,
} from "@tandem/contracts/rpc/models/v1/models_pb";
import type { CallContext, MessageInit } from "@tandem/libs/rpc";
import type { CatalogueBoard } from "../catalogue-board.ts";
import { modelsFaults } from "../faults.ts";
import type { CatalogueStore } from "../store/catalogue-store.ts";
import { requireManager, requireName } from "./admit.ts";
import { ruleToWire } from "./to-wire.ts";

interface Parts {
  readonly store: CatalogueStore;
  readonly board: CatalogueBoard;
}

/** A rule by which `auto` chooses; the one of the lowest order that matches wins. */
export async function putRule(
  { store, board }: Parts,
  request: PutRuleRequest,
  context: CallContext,
): Promise<MessageInit<Rule>> {
  requireManager(context);
  const { rule } = request;
  if (rule === undefined) throw modelsFaults.invalid();
  requireName("A rule's id", rule.id);
  requireName("A model's id", rule.model);
  if (board.isFromFile("rules", rule.id)) throw modelsFaults.from_file();
  const { id, order, kinds, minPromptTokens, maxPromptTokens, languages, domains, model } = rule;
  const stored = { id, order, kinds, minPromptTokens, maxPromptTokens, languages, domains, model };
  await store.putRule(stored);
  await board.refresh();
  return ruleToWire(stored);
}

export async function deleteRule(
  { store, board }: Parts,
  request: DeleteRuleRequest,
  context: CallContext,
): Promise<MessageInit<Rule>> {
  requireManager(context);
  if (board.isFromFile("rules", request.id)) throw modelsFaults.from_file();
  const deleted = await store.deleteRule(request.id);
  if (deleted === undefined) throw modelsFaults.not_found();
  await board.refresh();
  return ruleToWire(deleted);
}

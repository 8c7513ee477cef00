import type {
  Alias,
  DeleteAliasRequest,
  PutAliasRequest,
} from "@tandem/contracts/rpc/models/v1/models_pb";
import type { CallContext, MessageInit } from "@tandem/libs/rpc";
import type { CatalogueBoard } from "../catalogue-board.ts";
import { modelsFaults } from "../faults.ts";
import type { CatalogueStore } from "../store/catalogue-store.ts";
import { requireManager, requireName } from "./admit.ts";

interface Parts {
  readonly store: CatalogueStore;
  readonly board: CatalogueBoard;
}

/** Another name for a model. A model of that very name always goes first. */
export async function putAlias(
  { store, board }: Parts,
  request: PutAliasRequest,
  context: CallContext,
): Promise<MessageInit<Alias>> {
  requireManager(context);
  const { alias } = request;
  if (alias === undefined) throw modelsFaults.invalid();
  requireName("An alias", alias.name);
  requireName("A model's id", alias.model);
  if (alias.name === "auto") {
    throw modelsFaults.invalid({ publicMessage: '"auto" is chosen by rules, not by an alias.' });
  }
  if (board.isFromFile("aliases", alias.name)) throw modelsFaults.from_file();
  await store.putAlias({ name: alias.name, model: alias.model });
  await board.refresh();
  return { name: alias.name, model: alias.model };
}

export async function deleteAlias(
  { store, board }: Parts,
  request: DeleteAliasRequest,
  context: CallContext,
): Promise<MessageInit<Alias>> {
  requireManager(context);
  if (board.isFromFile("aliases", request.name)) throw modelsFaults.from_file();
  const deleted = await store.deleteAlias(request.name);
  if (deleted === undefined) throw modelsFaults.not_found();
  await board.refresh();
  return deleted;
}

import type { DeleteModelRequest, Model } from "@tandem/contracts/rpc/models/v1/models_pb";
import type { CallContext, MessageInit } from "@tandem/libs/rpc";
import type { CatalogueBoard } from "../catalogue-board.ts";
import { modelsFaults } from "../faults.ts";
import type { CatalogueStore } from "../store/catalogue-store.ts";
import { requireManager } from "./admit.ts";
import { modelToWire } from "./to-wire.ts";

/** Takes back what the management API had added; a discovered model shows itself again. */
export async function deleteModel(
  parts: { store: CatalogueStore; board: CatalogueBoard },
  request: DeleteModelRequest,
  context: CallContext,
): Promise<MessageInit<Model>> {
  requireManager(context);
  if (parts.board.isFromFile("models", request.id)) throw modelsFaults.from_file();
  const deleted = await parts.store.deleteModel(request.id);
  if (deleted === undefined) throw modelsFaults.not_found();
  await parts.board.refresh();
  return modelToWire(deleted);
}

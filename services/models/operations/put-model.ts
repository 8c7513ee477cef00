import type { Model, PutModelRequest } from "@tandem/contracts/rpc/models/v1/models_pb";
import type { CallContext, MessageInit } from "@tandem/libs/rpc";
import type { World } from "@tandem/libs/world";
import type { CatalogueBoard } from "../catalogue-board.ts";
import { modelsFaults } from "../faults.ts";
import type { CatalogueStore } from "../store/catalogue-store.ts";
import { requireManager, requireName } from "./admit.ts";
import { modelToWire } from "./to-wire.ts";

/** Adds a model, or replaces one that the management API had added. */
export async function putModel(
  parts: { store: CatalogueStore; board: CatalogueBoard; world: World },
  request: PutModelRequest,
  context: CallContext,
): Promise<MessageInit<Model>> {
  requireManager(context);
  const { model } = request;
  if (model === undefined) throw modelsFaults.invalid();
  requireName("A model's id", model.id);
  if (parts.board.isFromFile("models", model.id)) throw modelsFaults.from_file();
  const known = parts.board.catalogue.models.find((existing) => existing.id === model.id);
  const stored = await parts.store.putModel(
    {
      id: model.id,
      displayName: model.displayName === "" ? model.id : model.displayName,
      ownedBy: model.ownedBy,
      contextTokens: model.contextTokens,
      maxOutputTokens: model.maxOutputTokens,
      capabilities: model.capabilities,
      targets: model.targets.map(({ upstream, model: name, weight, order }) => ({
        upstream,
        model: name,
        weight: weight === 0 ? 1 : weight,
        order,
      })),
      source: "management",
      enabled: model.enabled,
      createdAtMs: known?.source === "management" ? known.createdAtMs : parts.world.clock.nowMs(),
      version: 0n,
      domains: model.domains,
      languages: model.languages,
      sizeClass: model.sizeClass === 0 ? 2 : model.sizeClass,
    },
    request.expectedVersion,
  );
  await parts.board.refresh();
  return modelToWire(stored);
}

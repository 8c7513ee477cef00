import type { Catalogue, WatchCatalogueRequest } from "@tandem/contracts/rpc/models/v1/models_pb";
import type { CallContext, MessageInit } from "@tandem/libs/rpc";
import type { CatalogueBoard } from "../catalogue-board.ts";
import { modelToWire, priceToWire, ruleToWire } from "./to-wire.ts";

/** The whole catalogue, once there is something newer than the caller has. */
export async function watchCatalogue(
  board: CatalogueBoard,
  request: WatchCatalogueRequest,
  context: CallContext,
): Promise<MessageInit<Catalogue>> {
  const version = await board.feed.wait(request.afterVersion, {
    waitMs: request.waitMs,
    onAbandon: context.onAbandon,
  });
  const { models, prices, aliases, rules, defaultModel } = board.catalogue;
  return {
    version,
    models: models.map(modelToWire),
    prices: prices.map(priceToWire),
    aliases: [...aliases],
    rules: rules.map(ruleToWire),
    defaultModel,
  };
}

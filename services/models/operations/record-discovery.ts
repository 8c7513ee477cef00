import type {
  RecordDiscoveryRequest,
  RecordDiscoveryResponse,
} from "@tandem/contracts/rpc/models/v1/models_pb";
import type { CallContext, MessageInit } from "@tandem/libs/rpc";
import type { CatalogueBoard } from "../catalogue-board.ts";
import type { CatalogueStore } from "../store/catalogue-store.ts";
import { requirePlatform } from "./admit.ts";

/** Takes what an upstream told of its models. Names the catalogue could not hold are left out. */
export async function recordDiscovery(
  parts: { store: CatalogueStore; board: CatalogueBoard },
  request: RecordDiscoveryRequest,
  context: CallContext,
): Promise<MessageInit<RecordDiscoveryResponse>> {
  requirePlatform(context);
  const found = request.models
    .filter((model) => /^[\w./:@-]{1,128}$/.test(model.name))
    .map((model, position) => ({
      upstream: request.upstream,
      name: model.name,
      contextTokens: Math.min(model.contextTokens, 2 ** 31 - 1),
      capabilities: model.capabilities,
      isLocal: request.isLocal,
      isGone: false,
      position,
    }));
  const version = await parts.store.recordDiscoveries(request.upstream, found);
  await parts.board.refresh();
  return { version };
}

import type {
  DeleteUpstreamRequest,
  Upstream,
} from "@tandem/contracts/rpc/inference/v1/inference_pb";
import type { CallContext, MessageInit } from "@tandem/libs/rpc";
import type { Directory } from "../discovery/directory.ts";
import { inferenceFaults } from "../faults.ts";
import type { UpstreamStore } from "../store/upstream-store.ts";
import { requireManager } from "./require-manager.ts";
import { upstreamToWire } from "./upstream-to-wire.ts";

export async function deleteUpstream(
  parts: { store: UpstreamStore; directory: Directory },
  request: DeleteUpstreamRequest,
  context: CallContext,
): Promise<MessageInit<Upstream>> {
  requireManager(context);
  const existing = parts.directory.upstreams.get(request.name);
  if (existing !== undefined && existing.source !== "management") {
    throw inferenceFaults.upstream_from_file();
  }
  const deleted = await parts.store.delete(request.name);
  if (deleted === undefined) throw inferenceFaults.upstream_not_found();
  await parts.directory.refresh();
  return upstreamToWire(deleted, undefined, { withCredentials: false });
}

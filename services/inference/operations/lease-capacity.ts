import type {
  LeaseCapacityRequest,
  LeaseCapacityResponse,
} from "@tandem/contracts/rpc/inference/v1/inference_pb";
import type { CallContext, MessageInit } from "@tandem/libs/rpc";
import { sharePlaces } from "../core/share-places.ts";
import type { Directory } from "../discovery/directory.ts";
import { inferenceFaults } from "../faults.ts";
import type { UpstreamStore } from "../store/upstream-store.ts";

const validMs = 2_000;

/** Places for one gateway replica: a fair share of the upstream's limit among those who want. */
export async function leaseCapacity(
  parts: { store: UpstreamStore; directory: Directory },
  request: LeaseCapacityRequest,
  context: CallContext,
): Promise<MessageInit<LeaseCapacityResponse>> {
  if (context.passport.organisationId !== "") throw inferenceFaults.platform_only();
  const upstream = parts.directory.upstreams.get(request.upstream);
  if (upstream === undefined) throw inferenceFaults.upstream_not_found();
  const wanted = Math.max(request.wanted, request.inUse);
  if (upstream.maxConcurrency === 0) return { granted: wanted, validMs };
  const demands = await parts.store.recordDemand({
    upstream: upstream.name,
    holder: request.holder,
    wanted,
    validMs,
  });
  const granted = sharePlaces(upstream.maxConcurrency, demands).get(request.holder) ?? 0;
  return { granted, validMs };
}

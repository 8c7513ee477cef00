import type {
  UpstreamSnapshot,
  WatchUpstreamsRequest,
} from "@tandem/contracts/rpc/inference/v1/inference_pb";
import type { CallContext, MessageInit } from "@tandem/libs/rpc";
import type { Directory } from "../discovery/directory.ts";
import { inferenceFaults } from "../faults.ts";
import { upstreamToWire } from "./upstream-to-wire.ts";

/** Every upstream with its credentials, once there is something newer than the caller has. */
export async function watchUpstreams(
  directory: Directory,
  request: WatchUpstreamsRequest,
  context: CallContext,
): Promise<MessageInit<UpstreamSnapshot>> {
  if (context.passport.organisationId !== "") throw inferenceFaults.platform_only();
  const version = await directory.feed.wait(request.afterVersion, {
    waitMs: request.waitMs,
    onAbandon: context.onAbandon,
  });
  const upstreams = [...directory.upstreams.values()].map((upstream) =>
    upstreamToWire(upstream, directory.finding(upstream.name), { withCredentials: true }),
  );
  return { version, upstreams };
}

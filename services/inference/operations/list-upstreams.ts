import type { ListUpstreamsResponse } from "@tandem/contracts/rpc/inference/v1/inference_pb";
import type { MessageInit } from "@tandem/libs/rpc";
import type { Directory } from "../discovery/directory.ts";
import { upstreamToWire } from "./upstream-to-wire.ts";

/** Every upstream as people may see it: without credentials. */
export function listUpstreams(directory: Directory): MessageInit<ListUpstreamsResponse> {
  const upstreams = [...directory.upstreams.values()]
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .map((upstream) =>
      upstreamToWire(upstream, directory.finding(upstream.name), { withCredentials: false }),
    );
  return { upstreams };
}

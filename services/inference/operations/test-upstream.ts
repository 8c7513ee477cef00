import type {
  TestUpstreamRequest,
  TestUpstreamResponse,
} from "@tandem/contracts/rpc/inference/v1/inference_pb";
import type { CallContext, MessageInit } from "@tandem/libs/rpc";
import type { World } from "@tandem/libs/world";
import type { Directory } from "../discovery/directory.ts";
import { discoverModels, messageOf } from "../discovery/look.ts";
import { inferenceFaults } from "../faults.ts";
import { admitUpstream, type UpstreamAdmission } from "./put-upstream.ts";
import { requireManager } from "./require-manager.ts";

/** Tries an upstream that exists (by name alone) or that somebody thinks of adding. */
export async function testUpstream(
  parts: { world: World; directory: Directory; admission: UpstreamAdmission },
  request: TestUpstreamRequest,
  context: CallContext,
): Promise<MessageInit<TestUpstreamResponse>> {
  requireManager(context);
  const { upstream: given } = request;
  if (given === undefined) throw inferenceFaults.upstream_invalid();
  const existing = given.baseUrl === "" ? parts.directory.upstreams.get(given.name) : undefined;
  if (given.baseUrl === "" && existing === undefined) throw inferenceFaults.upstream_not_found();
  const upstream = existing ?? (await admitUpstream(given, parts.admission));
  const startedMs = parts.world.clock.monotonicMs();
  try {
    const models = await discoverModels(parts.world, upstream);
    const latencyMs = Math.round(parts.world.clock.monotonicMs() - startedMs);
    const names = models.map((model) => model.name);
    return { ok: true, message: `serves ${names.length} models`, models: names, latencyMs };
  } catch (error) {
    const latencyMs = Math.round(parts.world.clock.monotonicMs() - startedMs);
    return { ok: false, message: messageOf(error), models: [], latencyMs };
  }
}

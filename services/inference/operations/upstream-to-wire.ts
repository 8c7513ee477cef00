import type { Upstream } from "@tandem/contracts/rpc/inference/v1/inference_pb";
import type { MessageInit } from "@tandem/libs/rpc";
import type { DeclaredUpstream } from "../core/declared-upstream.ts";
import { profileOf } from "../core/profiles.ts";
import type { Finding } from "../store/upstream-store.ts";

/** The contract's form. Credentials go only to the gateway that makes the calls. */
export function upstreamToWire(
  upstream: DeclaredUpstream,
  finding: Finding | undefined,
  { withCredentials }: { withCredentials: boolean },
): MessageInit<Upstream> {
  const models = new Set([...upstream.models, ...(finding?.models ?? [])]);
  return {
    name: upstream.name,
    profile: upstream.profile,
    baseUrl: upstream.baseUrl,
    apiKey: withCredentials ? upstream.apiKey : "",
    hasApiKey: upstream.apiKey !== "",
    firstTokenTimeoutMs: upstream.firstTokenTimeoutMs,
    idleTimeoutMs: upstream.idleTimeoutMs,
    totalTimeoutMs: upstream.totalTimeoutMs,
    maxConcurrency: upstream.maxConcurrency,
    discover: upstream.discover,
    enabled: upstream.enabled,
    role: upstream.role,
    source: upstream.source,
    version: upstream.version,
    models: [...models],
    state: finding?.state ?? "unknown",
    stateReason: finding?.reason ?? "",
    stateSinceMs: BigInt(Math.round(finding?.sinceMs ?? 0)),
    queueLength: finding?.queueLength ?? 0,
    kvCacheRatio: finding?.kvCacheRatio ?? 0,
    continuation: profileOf(upstream.profile).continuation,
  };
}

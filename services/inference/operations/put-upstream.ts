import { lookup } from "node:dns/promises";
import type { PutUpstreamRequest, Upstream } from "@tandem/contracts/rpc/inference/v1/inference_pb";
import { isForbiddenAddress } from "@tandem/libs/http";
import type { CallContext, MessageInit } from "@tandem/libs/rpc";
import { type DeclaredUpstream, declareUpstream } from "../core/declared-upstream.ts";
import { isProfileName, profileNames } from "../core/profiles.ts";
import { refuseUrl } from "../core/upstream-address.ts";
import type { Directory } from "../discovery/directory.ts";
import { inferenceFaults } from "../faults.ts";
import type { UpstreamStore } from "../store/upstream-store.ts";
import { requireManager } from "./require-manager.ts";
import { upstreamToWire } from "./upstream-to-wire.ts";

export interface UpstreamAdmission {
  readonly allowPrivate: boolean;
}

const namePattern = /^[a-z0-9][a-z0-9._-]{0,62}$/;

/** Adds or changes an upstream. An empty `api_key` keeps the one that is stored. */
export async function putUpstream(
  parts: { store: UpstreamStore; directory: Directory; admission: UpstreamAdmission },
  request: PutUpstreamRequest,
  context: CallContext,
): Promise<MessageInit<Upstream>> {
  requireManager(context);
  const { upstream: given } = request;
  if (given === undefined) throw inferenceFaults.upstream_invalid();
  const existing = parts.directory.upstreams.get(given.name);
  if (existing !== undefined && existing.source !== "management") {
    throw inferenceFaults.upstream_from_file();
  }
  const upstream = await admitUpstream(given, parts.admission);
  const stored = await parts.store.put(upstream, request.expectedVersion);
  await parts.directory.refresh();
  return upstreamToWire(stored, parts.directory.finding(stored.name), { withCredentials: false });
}

/** Checks what somebody wants to add, its address included. Throws what is to be mended. */
export async function admitUpstream(
  given: Upstream,
  { allowPrivate }: UpstreamAdmission,
): Promise<DeclaredUpstream> {
  const refuse = (publicMessage: string): never => {
    throw inferenceFaults.upstream_invalid({ publicMessage });
  };
  if (!namePattern.test(given.name)) {
    refuse("An upstream's name has 1 to 63 of a-z, 0-9, dot, dash and underscore.");
  }
  if (!isProfileName(given.profile)) {
    refuse(`"${given.profile}" is no profile. Choose one of ${profileNames.join(", ")}.`);
  }
  const urlProblem = refuseUrl(given.baseUrl);
  if (urlProblem !== undefined) refuse(`The base URL is refused: ${urlProblem}.`);
  await admitAddress(new URL(given.baseUrl).hostname, allowPrivate);
  return declareUpstream({
    name: given.name,
    profile: given.profile,
    baseUrl: given.baseUrl,
    source: "management",
    apiKey: given.apiKey,
    role: given.role === "standby" ? "standby" : "primary",
    firstTokenTimeoutMs: given.firstTokenTimeoutMs,
    idleTimeoutMs: given.idleTimeoutMs,
    totalTimeoutMs: given.totalTimeoutMs,
    maxConcurrency: given.maxConcurrency,
    discover: given.discover,
    enabled: given.enabled,
    models: given.models,
  });
}

/** Every address the name resolves to must be allowed, since any of them may be connected to. */
async function admitAddress(hostname: string, allowPrivate: boolean): Promise<void> {
  const host = hostname.replace(/^\[|\]$/g, "");
  let addresses: readonly { address: string }[];
  try {
    addresses = await lookup(host, { all: true });
  } catch {
    throw inferenceFaults.upstream_invalid({
      publicMessage: `The host name "${host}" is not known here. Check the base URL.`,
    });
  }
  if (addresses.some(({ address }) => isForbiddenAddress(address, { allowPrivate }))) {
    throw inferenceFaults.address_refused();
  }
}

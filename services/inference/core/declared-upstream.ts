/** An upstream as it was declared, before anybody looked at it. */
import { profileOf } from "./profiles.ts";

export type UpstreamSource = "file" | "management" | "detected" | "engine";

export interface DeclaredUpstream {
  readonly name: string;
  readonly profile: string;
  readonly baseUrl: string;
  readonly apiKey: string;
  readonly role: "primary" | "standby";
  readonly source: UpstreamSource;
  readonly firstTokenTimeoutMs: number;
  readonly idleTimeoutMs: number;
  readonly totalTimeoutMs: number;
  readonly maxConcurrency: number;
  readonly discover: boolean;
  readonly enabled: boolean;
  /** The upstream's own names; what discovery finds is added. */
  readonly models: readonly string[];
  readonly version: bigint;
}

export type UpstreamInput = Partial<Omit<DeclaredUpstream, "version">> &
  Pick<DeclaredUpstream, "name" | "profile" | "baseUrl" | "source">;

const or = (value: number | undefined, otherwise: number): number =>
  value === undefined || value === 0 ? otherwise : value;

/** Fills in what the profile knows. Zero and absent timeouts mean the profile's. */
export function declareUpstream(input: UpstreamInput, version = 0n): DeclaredUpstream {
  const profile = profileOf(input.profile);
  return {
    name: input.name,
    profile: input.profile,
    baseUrl: input.baseUrl.replace(/\/+$/, ""),
    apiKey: input.apiKey ?? "",
    role: input.role ?? "primary",
    source: input.source,
    firstTokenTimeoutMs: or(input.firstTokenTimeoutMs, profile.firstTokenTimeoutMs),
    idleTimeoutMs: or(input.idleTimeoutMs, profile.idleTimeoutMs),
    totalTimeoutMs: or(input.totalTimeoutMs, profile.totalTimeoutMs),
    maxConcurrency: input.maxConcurrency ?? 0,
    discover: input.discover ?? true,
    enabled: input.enabled ?? true,
    models: input.models ?? [],
    version,
  };
}

/**
 * All upstreams by name. One declared in the file stands before one of the same name from the
 * management API, which stands before a detected one.
 */
export function mergeUpstreams(
  declared: readonly DeclaredUpstream[],
): ReadonlyMap<string, DeclaredUpstream> {
  const rank: Readonly<Record<UpstreamSource, number>> = {
    detected: 0,
    management: 1,
    engine: 2,
    file: 3,
  };
  const merged = new Map<string, DeclaredUpstream>();
  for (const upstream of [...declared].sort((a, b) => rank[a.source] - rank[b.source])) {
    merged.set(upstream.name, upstream);
  }
  return merged;
}

import type { Endpoint } from "../../core/request/generation-request.ts";

/** Clients are pointed at any of these; the same is served under each. */
const prefixes = ["", "/v1", "/beta", "/beta/v1"] as const;

const paths: readonly (readonly [path: string, endpoint: Endpoint])[] = [
  ["/chat/completions", "chat"],
  ["/completions", "completions"],
  ["/embeddings", "embeddings"],
];

/** Every path at which this dialect generates. */
export const endpointPaths: readonly (readonly [path: string, endpoint: Endpoint])[] =
  prefixes.flatMap((prefix) => paths.map(([path, endpoint]) => [prefix + path, endpoint] as const));

const byPath: ReadonlyMap<string, Endpoint> = new Map(endpointPaths);

/** The endpoint that generates at this path, if one does. */
export function endpointAt(path: string): Endpoint | undefined {
  return byPath.get(path);
}

/** The rest of a path under one of the prefixes: `/v1/models/a` → `a` for `/models`. */
export function restUnder(path: string, base: string): string | undefined {
  for (const prefix of prefixes) {
    if (path === prefix + base) return "";
    if (path.startsWith(`${prefix}${base}/`)) return path.slice(prefix.length + base.length + 1);
  }
  return undefined;
}

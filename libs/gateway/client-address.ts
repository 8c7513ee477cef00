import type { HeaderList } from "../http/index.ts";

/**
 * Who called, from what the router says in `x-forwarded-for`: the last entry is who spoke to the
 * router, and when that is a trusted proxy, the one before it is who spoke to the proxy. Earlier
 * ones are anybody's word. Only the router reaches a gateway's socket, and writes the field anew.
 */
export function clientAddress(headers: Pick<HeaderList, "get">, peer: string): string {
  const chain = (headers.get("x-forwarded-for") ?? "").split(",").map((entry) => entry.trim());
  return chain.at(-2) || chain.at(-1) || peer;
}

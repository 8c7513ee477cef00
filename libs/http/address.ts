import { assert } from "../kernel/index.ts";

/** Where a server listens or a client connects, taken apart. */
export type ParsedAddress =
  | { readonly kind: "unix"; readonly path: string }
  | { readonly kind: "tcp" | "tls"; readonly host: string; readonly port: number };

/**
 * `unix:/path`, `tcp:host:port`, `tcp:[::1]:port` or `tls:host:port`. Throws an assertion for
 * anything else: addresses come from checked configuration.
 */
export function parseAddress(address: string): ParsedAddress {
  const colon = address.indexOf(":");
  const kind = address.slice(0, colon);
  const rest = address.slice(colon + 1);
  if (kind === "unix") {
    assert(rest.startsWith("/"), `not an absolute socket path: ${address}`);
    return { kind, path: rest };
  }
  assert(
    kind === "tcp" || kind === "tls",
    `an address starts with unix:, tcp: or tls:: ${address}`,
  );
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]\s]+)):(\d{1,5})$/.exec(rest);
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  assert(host !== undefined && port <= 65_535, `not host:port: ${address}`);
  return { kind, host, port };
}

/** The `host` field for requests to this address (RFC 9110, 7.2); `localhost` on a Unix socket. */
export function hostFieldOf(address: ParsedAddress): string {
  if (address.kind === "unix") return "localhost";
  const host = address.host.includes(":") ? `[${address.host}]` : address.host;
  const isDefaultPort = address.port === (address.kind === "tls" ? 443 : 80);
  return isDefaultPort ? host : `${host}:${address.port}`;
}

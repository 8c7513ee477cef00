import { defineFaults, type FaultDefinition } from "../kernel/index.ts";

const refusedByServer = { code: "invalid_argument", blame: "client", retry: "never" } as const;
const failedAtPeer = { code: "unavailable", blame: "upstream", retry: "another_replica" } as const;

const refusals = {
  bad_request_line: {
    ...refusedByServer,
    publicMessage: "The request line is malformed. Send `METHOD /path HTTP/1.1`.",
  },
  bad_target: {
    ...refusedByServer,
    publicMessage: "The request target is malformed. Percent-encode what a URL may not hold.",
  },
  bad_field: {
    ...refusedByServer,
    publicMessage: "A header field is malformed. Send `name: value` lines that end in CR LF.",
  },
  bad_host: {
    ...refusedByServer,
    publicMessage: "The request needs exactly one valid Host field.",
  },
  bad_framing: {
    ...refusedByServer,
    publicMessage: "The length of the body is ambiguous. Send one Content-Length, or chunks.",
  },
  bad_chunk: {
    ...refusedByServer,
    publicMessage: "The chunked body is malformed.",
  },
  head_too_large: {
    ...refusedByServer,
    httpStatus: 431,
    publicMessage: "The header fields are too large or too many. Send fewer.",
  },
  target_too_long: {
    ...refusedByServer,
    httpStatus: 414,
    publicMessage: "The URL is too long. Put the data into the body.",
  },
  body_too_large: {
    ...refusedByServer,
    httpStatus: 413,
    publicMessage: "The body is larger than this operation accepts.",
  },
  request_timeout: {
    code: "deadline_exceeded",
    blame: "client",
    retry: "same_replica",
    httpStatus: 408,
    publicMessage: "The request did not arrive in time. Send it again, faster.",
  },
  unsupported_version: {
    code: "unimplemented",
    blame: "client",
    retry: "never",
    httpStatus: 505,
    publicMessage: "This HTTP version is not spoken here. Use HTTP/1.1.",
  },
  http2_only: {
    code: "unimplemented",
    blame: "client",
    retry: "never",
    httpStatus: 505,
    publicMessage: "This port speaks HTTP/2 only, for gRPC. Everything else is at the public port.",
  },
  unsupported_coding: {
    code: "unimplemented",
    blame: "client",
    retry: "never",
    publicMessage: "This transfer coding is not known here. Use `chunked` or Content-Length.",
  },
  unsupported_method: {
    code: "unimplemented",
    blame: "client",
    retry: "never",
    publicMessage: "This method is not served here.",
  },
  expectation_failed: {
    ...refusedByServer,
    httpStatus: 417,
    publicMessage: "This expectation cannot be met. Leave the Expect field out.",
  },
  overloaded: {
    code: "unavailable",
    blame: "capacity",
    retry: "after_delay",
    publicMessage: "Too many connections are open. Close some and try again.",
  },
} satisfies Record<string, FaultDefinition>;

/** Why a server refuses a request before any handler sees it. */
export type Refusal = keyof typeof refusals;

/** Every reason of this lib. The second half is what a client pool reports of an attempt. */
export const httpFaults = defineFaults("http", {
  ...refusals,
  client_left: {
    code: "canceled",
    blame: "client",
    retry: "never",
    publicMessage: "The client closed the connection before the answer ended.",
  },
  connect_failed: {
    ...failedAtPeer,
    publicMessage: "The server could not be reached.",
  },
  connect_timeout: {
    ...failedAtPeer,
    code: "deadline_exceeded",
    publicMessage: "The server did not accept the connection in time.",
  },
  connection_lost: {
    ...failedAtPeer,
    publicMessage: "The server closed the connection before its answer was complete.",
  },
  bad_response: {
    ...failedAtPeer,
    httpStatus: 502,
    publicMessage: "The server's answer is not valid HTTP/1.1.",
  },
  pool_exhausted: {
    code: "resource_exhausted",
    blame: "capacity",
    retry: "another_replica",
    httpStatus: 503,
    publicMessage: "Too many calls wait for a connection to this server.",
  },
  pool_closed: {
    ...failedAtPeer,
    publicMessage: "The connection pool was closed.",
  },
});

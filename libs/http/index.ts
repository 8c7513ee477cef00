/**
 * HTTP/1.1 over sockets of our own, both sides: a strict server, and a pool of keep-alive client
 * connections. Own, because the inner hop decides what a call costs: `node:http` takes two to four
 * times the processor time of this, and most of it for leniency and objects nobody here wants. It
 * pays for that with strictness: what RFC 9112 lets a recipient repair is refused here, and the
 * framing is tested against Node's own parser. It fails by refusing a request with a reason
 * (`http.…`), or by telling an attempt's handler what had happened before the failure, so that the
 * caller can judge whether another attempt is safe.
 */

export { BodyPile } from "./body-pile.ts";
export type { TlsTrust } from "./client-connection.ts";
export type { ClientPoolOptions } from "./client-pool.ts";
export { ConnectionCaps } from "./connection-caps.ts";
export type {
  AttemptFailure,
  ClientCall,
  ClientPool,
  ClientRequest,
  EncodedFields,
  Exchange,
  ExchangeHandler,
  HeaderFields,
  HeaderList,
  RequestHead,
  ResponseHandler,
  ResponseHead,
} from "./contract.ts";
export { encodeFields, forwardFields, hopByHopFields } from "./encoded-fields.ts";
export { httpFaults } from "./faults.ts";
export { FieldNameSet } from "./field-block.ts";
export { type ClientLimits, type ServerLimits, serverLimitsDefault } from "./limits.ts";
export type { ListenTarget } from "./listener.ts";
export {
  createClientPool,
  createHttpServer,
  createPublicServer,
  type HttpNetwork,
  networkPort,
} from "./network.ts";
export { nodeHttp } from "./node-http.ts";
export { isForbiddenAddress } from "./outward-address.ts";
export type { PublicServer, PublicServerOptions, ServerCertificate } from "./public-server.ts";
export { type DescribeRefusal, describeAsProblem, type RefusalBody } from "./refusal.ts";
export type { HttpServer, HttpServerOptions } from "./server.ts";

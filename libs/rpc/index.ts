/**
 * Internal calls: the Connect unary protocol (https://connectrpc.com/docs/protocol) by a thin codec
 * of our own over `libs/http`, because the library costs ten times as much (ADR 0006). A call
 * between replicas of one process takes no socket. Every call carries a signed passport, a request
 * id and what remains of its deadline. It fails with the server's own fault, or with
 * `rpc.unavailable` and `rpc.deadline_exceeded`.
 *
 * In `public/`: the framing and the errors of gRPC, gRPC-web and Connect, as clients of the public
 * contract meet them at the router and at the `ai` gateway (ADR 0230).
 */
export { type CallOptions, createRpcClient, type RpcClient } from "./client.ts";
export {
  type CallContext,
  type Handlers,
  type Implementation,
  implement,
  type MessageInit,
} from "./implementation.ts";
export {
  createPassportSigner,
  createPassportVerifier,
  type Passport,
  type PassportClaims,
  type PassportPublicKeys,
  type PassportSigner,
  type PassportVerifier,
} from "./passport.ts";
export { type Envelope, EnvelopeReader, encodeEnvelope, envelopeFlags } from "./public/envelope.ts";
export { grpcTrailers, readTrailers, rpcFailure, streamEnd } from "./public/rpc-failure.ts";
export {
  contentTypeOf,
  grpcContentType,
  grpcWebContentType,
  type RpcForm,
  rpcFormOf,
} from "./public/rpc-form.ts";
export { createReplicaSet, type ReplicaSet } from "./replica-set.ts";
export { createRpcServer, type OwnPages, type RpcServer } from "./server.ts";

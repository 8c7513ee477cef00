/**
 * Internal calls: the Connect unary protocol (https://connectrpc.com/docs/protocol) by a thin codec
 * of our own over `libs/http`, because the library costs ten times as much (ADR 0006). A call
 * between replicas of one process takes no socket. Every call carries a signed passport, a request
 * id and what remains of its deadline. It fails with the server's own fault, or with
 * `rpc.unavailable` and `rpc.deadline_exceeded`.
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
  type PassportSigner,
  type PassportVerifier,
} from "./passport.ts";
export { createReplicaSet, type ReplicaSet } from "./replica-set.ts";
export { createRpcServer, type RpcServer } from "./server.ts";

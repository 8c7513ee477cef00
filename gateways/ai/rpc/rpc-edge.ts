import type { Exchange, ExchangeHandler } from "@tandem/libs/http";
import { isId } from "@tandem/libs/kernel";
import { type RpcForm, rpcFailure, rpcFormOf } from "@tandem/libs/rpc";
import { newId, type World } from "@tandem/libs/world";
import { aiFaults } from "../faults.ts";
import { isRpcPath, type RpcMethod, rpcMethodAt } from "./methods.ts";
import { RpcExchange } from "./rpc-exchange.ts";

/**
 * The public contract's entrance: calls of `tandem.v1.Inference` go on as the requests of the JSON
 * API that they mean; everything else passes by.
 */
export function createRpcEdge(given: {
  readonly world: World;
  readonly messageLimitBytes: number;
  readonly next: ExchangeHandler;
}): ExchangeHandler {
  const { world, messageLimitBytes, next } = given;
  return (exchange) => {
    const { path, method, headers } = exchange.head;
    if (!isRpcPath(path)) {
      next(exchange);
      return;
    }
    const form = rpcFormOf(headers.get("content-type"));
    const sent = headers.get("x-request-id");
    const requestId = sent !== undefined && isId("req", sent) ? sent : newId(world, "req");
    const called = rpcMethodAt(path);
    // gRPC itself needs trailers: the router takes it apart, over HTTP/2 alone.
    if (method !== "POST" || form === undefined || form.protocol === "grpc") {
      exchange.respond(method === "POST" ? 415 : 405, [["accept-post", acceptedTypes]], "");
    } else if (called === undefined || !fits(form, called)) {
      refuse(exchange, { form, requestId });
    } else next(new RpcExchange(exchange, { form, method: called, requestId, messageLimitBytes }));
  };
}

const acceptedTypes =
  "application/grpc-web+proto, application/connect+proto, " +
  "application/connect+json, application/proto, application/json";

/** Connect tells streams from single answers by the content type; gRPC does not. */
function fits({ protocol }: RpcForm, { isStream }: RpcMethod): boolean {
  if (protocol === "connect") return !isStream;
  return protocol !== "connect-stream" || isStream;
}

function refuse(
  exchange: Exchange,
  { form, requestId }: { readonly form: RpcForm; readonly requestId: string },
): void {
  const fault = aiFaults.no_such_operation({
    publicMessage: `There is no operation ${exchange.head.path.slice(0, 100)} of that form.`,
  });
  const { status, contentType, body } = rpcFailure(form, fault, requestId);
  exchange.respond(
    status,
    [
      ["content-type", contentType],
      ["x-request-id", requestId],
    ],
    body,
  );
}

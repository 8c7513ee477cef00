import {
  fromBinary,
  fromJson,
  type JsonValue,
  type Message,
  toBinary,
  toJsonString,
} from "@bufbuild/protobuf";
import { createHttpServer, type Exchange, networkPort } from "../http/index.ts";
import { Fault } from "../kernel/index.ts";
import type { Log } from "../telemetry/index.ts";
import { portOf, type World } from "../world/index.ts";
import { createDispatcher, type Dispatcher, registerInProcess } from "./dispatch.ts";
import { rpcFaults } from "./faults.ts";
import type { Implementation, Operation } from "./implementation.ts";
import type { PassportVerifier } from "./passport.ts";
import { faultToWire } from "./wire-fault.ts";

/** A message may not be larger than this on an internal call. */
const messageLimitBytes = 4 * 1024 * 1024;

/** Pages beside the contracts, for those who may open the address: text by path. */
export type OwnPages = Readonly<
  Record<string, { readonly mediaType: string; readonly text: () => Promise<string> }>
>;

export interface RpcServer {
  close(options: { readonly deadlineMs: number }): Promise<void>;
}

/**
 * Serves contracts on an address, in Connect's unary form with binary or JSON messages; also
 * `/livez` and `/readyz`. Answers faults as Connect errors and logs what is not the caller's doing.
 */
export async function createRpcServer(options: {
  readonly address: `unix:${string}` | `tcp:${string}`;
  readonly implementations: readonly Implementation[];
  readonly verifier: PassportVerifier;
  readonly unreadyChecks: () => readonly string[];
  readonly pages?: OwnPages;
  readonly world: World;
  readonly log: Log;
}): Promise<RpcServer> {
  const dispatcher = createDispatcher({
    ...options,
    monotonicMs: () => options.world.clock.monotonicMs(),
  });
  const server = createHttpServer({
    onExchange: (exchange) => {
      const page = options.pages?.[exchange.head.path];
      if (exchange.head.method !== "GET")
        void answerCall(exchange, { dispatcher, log: options.log });
      else if (page !== undefined) answerPage(exchange, page);
      else answerProbe(exchange, options.unreadyChecks());
    },
    world: options.world,
    log: options.log,
  });
  await server.listen(options.address);
  // A network of the world's own carries every call: none takes the short way within the process.
  const hasOwnNetwork = portOf(options.world, networkPort) !== undefined;
  const unregister = hasOwnNetwork ? undefined : registerInProcess(options.address, dispatcher);
  return {
    async close({ deadlineMs }) {
      unregister?.();
      await server.close({ deadlineMs });
    },
  };
}

function answerPage(exchange: Exchange, { mediaType, text }: OwnPages[string]): void {
  text().then(
    (body) => exchange.respond(200, [["content-type", mediaType]], body),
    () => exchange.respond(500, [["content-type", "text/plain"]], "the page could not be made\n"),
  );
}

function answerProbe(exchange: Exchange, unready: readonly string[]): void {
  const { path } = exchange.head;
  if (path === "/livez") {
    exchange.respond(200, [["content-type", "text/plain"]], "ok\n");
  } else if (path === "/readyz") {
    const text = unready.length === 0 ? "ready\n" : `waiting for ${unready.join(", ")}\n`;
    exchange.respond(unready.length === 0 ? 200 : 503, [["content-type", "text/plain"]], text);
  } else {
    exchange.respond(404, [["content-type", "text/plain"]], "no such page\n");
  }
}

async function answerCall(
  exchange: Exchange,
  { dispatcher, log }: { dispatcher: Dispatcher; log: Log },
): Promise<void> {
  const { head } = exchange;
  try {
    const [, serviceName = "", methodName = ""] = head.path.split("/");
    const operation = dispatcher.find(serviceName, methodName);
    const isJson = head.headers.get("content-type") === "application/json";
    const body = await exchange.readBody(messageLimitBytes);
    const request = decode(operation, body, isJson);
    let abandoned = false;
    exchange.onAbort(() => {
      abandoned = true;
    });
    const timeout = head.headers.get("connect-timeout-ms");
    const answer = await dispatcher.run(operation, request, {
      requestId: head.headers.get("x-request-id") ?? "",
      passport: head.headers.get("x-tandem-passport"),
      timeoutMs: timeout === undefined ? undefined : Number(timeout),
      isAbandoned: () => abandoned,
      onAbandon: (run) => exchange.onAbort(run),
    });
    respond(exchange, { operation, answer, isJson });
  } catch (error) {
    const fault = Fault.from(error);
    if (fault.blame === "platform" && fault.reason !== "rpc.passport_refused") {
      log.error("operation_failed", {
        operation: head.path,
        request_id: head.headers.get("x-request-id"),
        reason: fault.reason,
        detail: fault.detail,
        stack: error instanceof Error ? error.stack : undefined,
      });
    }
    exchange.respond(fault.httpStatus, [["content-type", "application/json"]], faultToWire(fault));
  }
}

function decode(operation: Operation, body: Buffer, isJson: boolean): Message {
  try {
    return isJson
      ? fromJson(operation.method.input, JSON.parse(body.toString()) as JsonValue)
      : fromBinary(operation.method.input, body);
  } catch (cause) {
    throw rpcFaults.malformed_message({ detail: String(cause), cause });
  }
}

function respond(
  exchange: Exchange,
  { operation, answer, isJson }: { operation: Operation; answer: Message; isJson: boolean },
): void {
  const { output } = operation.method;
  if (isJson) {
    exchange.respond(200, [["content-type", "application/json"]], toJsonString(output, answer));
    return;
  }
  const bytes = toBinary(output, answer);
  exchange.respond(
    200,
    [["content-type", "application/proto"]],
    Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength),
  );
}

import type { Exchange, ExchangeHandler } from "@tandem/libs/http";
import { Fault } from "@tandem/libs/kernel";
import { newId } from "@tandem/libs/world";
import { WebSocketServer } from "ws";
import { openaiDialect } from "../dialects/openai/openai-dialect.ts";
import { aiFaults } from "../faults.ts";
import type { AiParts } from "../parts.ts";
import { identify } from "../reads/answer-read.ts";
import { CallHeaders } from "../transports/call-headers.ts";
import { ExchangeSocket, handshakeOf } from "../websocket/exchange-socket.ts";
import { messageLimits } from "../websocket/message-budget.ts";
import { RealtimeSocket } from "./realtime-socket.ts";

export const realtimePaths: ReadonlySet<string> = new Set(["/v1/realtime", "/beta/realtime"]);

const protocolName = "realtime";
/** How browsers, which cannot send header fields with a handshake, say their key to OpenAI. */
const keyPrefix = "openai-insecure-api-key.";

export interface RealtimeEdgeGiven {
  readonly parts: AiParts;
  readonly next: ExchangeHandler;
  /** Those that are told when this process ends. */
  readonly sockets: Set<{ restart(): void }>;
}

/**
 * The entrance of the Realtime event model. Whose connection it is is known before there is one: a
 * key that is refused is an answer with its status, which clients understand. Never rejects.
 */
export async function openRealtime(exchange: Exchange, given: RealtimeEdgeGiven): Promise<void> {
  const { parts } = given;
  const { headers, query } = exchange.head;
  try {
    const authorization = authorizationIn(headers.get("sec-websocket-protocol"));
    const own = authorization === undefined ? {} : { authorization };
    const head = { ...exchange.head, headers: new CallHeaders(headers, own) };
    await identify({ head, remoteAddress: exchange.remoteAddress }, parts);
    const model = new URLSearchParams(query).get("model") ?? "";
    if (model === "") {
      throw aiFaults.invalid_parameter({
        publicMessage: "Say which model: /v1/realtime?model=… Only model sessions are offered.",
        context: { parameter: "model" },
      });
    }
    upgrade(exchange, { ...given, authorization, model });
  } catch (error) {
    refuse(exchange, Fault.from(error), parts);
  }
}

function upgrade(
  exchange: Exchange,
  given: RealtimeEdgeGiven & {
    readonly authorization: string | undefined;
    readonly model: string;
  },
): void {
  const { parts, sockets } = given;
  const server = new WebSocketServer({
    ...{ noServer: true, clientTracking: false, perMessageDeflate: false, autoPong: false },
    ...messageLimits(parts.config.socket),
    handleProtocols: (offered) => (offered.has(protocolName) ? protocolName : false),
  });
  const socket = new ExchangeSocket(exchange);
  let opened: RealtimeSocket | undefined;
  socket.onInputEnd = () => opened?.restart();
  server.handleUpgrade(handshakeOf(exchange), socket, Buffer.alloc(0), (ws) => {
    const realtime = new RealtimeSocket(ws, {
      ...{ ...given, opening: exchange, socket },
      onClose: () => sockets.delete(realtime),
    });
    opened = realtime;
    sockets.add(realtime);
  });
}

function authorizationIn(protocols: string | undefined): string | undefined {
  const offered = protocols?.split(",").map((name) => name.trim()) ?? [];
  const key = offered.find((name) => name.startsWith(keyPrefix));
  return key === undefined ? undefined : `Bearer ${key.slice(keyPrefix.length)}`;
}

function refuse(exchange: Exchange, fault: Fault, { world }: AiParts): void {
  const requestId = exchange.head.headers.get("x-request-id") ?? newId(world, "req");
  exchange.noteFault?.(fault);
  const fields = [
    ["content-type", "application/json"] as const,
    ["x-request-id", requestId] as const,
    ...openaiDialect.retryFields(fault),
  ];
  exchange.respond(fault.httpStatus, fields, openaiDialect.errorBody(fault, requestId));
}

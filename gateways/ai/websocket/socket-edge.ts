import type { Exchange, ExchangeHandler } from "@tandem/libs/http";
import { WebSocketServer } from "ws";
import { credentialOf } from "../credential.ts";
import { errorBody } from "../dialects/openai/error-body.ts";
import { aiFaults } from "../faults.ts";
import type { AiParts } from "../parts.ts";
import { openRealtime, realtimePaths } from "../realtime/realtime-edge.ts";
import type { ResumeEdge } from "../resume/resume-edge.ts";
import { ChatSocket } from "./chat-socket.ts";
import { ExchangeSocket, handshakeOf } from "./exchange-socket.ts";
import { messageLimits } from "./message-budget.ts";

const chatPath = "/v1/chat/ws";
const protocolName = "tandem.chat.v1";
/** A browser cannot send header fields with a handshake, but protocols; never shown in URLs. */
const keyPrefix = "tandem.key.";

export interface SocketEdge {
  readonly handle: ExchangeHandler;
  /** Tells every client to go on elsewhere. */
  drain(): void;
}

/** WebSocket's entrance: `/v1/chat/ws`; everything else passes by. */
export function createSocketEdge(given: {
  readonly parts: AiParts;
  readonly resume: ResumeEdge;
  readonly next: ExchangeHandler;
}): SocketEdge {
  const { parts, resume, next } = given;
  const sockets = new Set<{ restart(): void }>();
  const server = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    ...messageLimits(parts.config.socket),
    autoPong: false,
    handleProtocols: (offered) => (offered.has(protocolName) ? protocolName : false),
  });
  const upgrade = (exchange: Exchange): void => {
    const socket = new ExchangeSocket(exchange);
    let chat: ChatSocket | undefined;
    socket.onInputEnd = () => chat?.restart();
    const credential = credentialIn(exchange);
    server.handleUpgrade(handshakeOf(exchange), socket, Buffer.alloc(0), (ws) => {
      const opened = new ChatSocket(ws, {
        ...{ parts, resume, opening: exchange, socket, credential, next: resume.handle },
        onClose: () => sockets.delete(opened),
      });
      chat = opened;
      sockets.add(opened);
    });
  };
  return {
    handle: (exchange) => {
      const { path, headers } = exchange.head;
      const isRealtime = realtimePaths.has(path);
      if (path !== chatPath && !isRealtime) next(exchange);
      // Only the router can say so: what a client calls `x-tandem-…` is dropped there.
      else if (headers.get("x-tandem-upgrade") !== "websocket") refuse(exchange);
      else if (isRealtime) void openRealtime(exchange, { parts, next: resume.handle, sockets });
      else upgrade(exchange);
    },
    drain: () => {
      for (const socket of sockets) socket.restart();
    },
  };
}

function refuse(exchange: Exchange): void {
  const fault = aiFaults.upgrade_required();
  const requestId = exchange.head.headers.get("x-request-id") ?? "";
  const fields = [["content-type", "application/json"]] as const;
  exchange.respond(fault.httpStatus, fields, errorBody(fault, requestId));
}

/** From the fields of the handshake, or its protocols; otherwise the first message says it. */
function credentialIn({ head: { headers } }: Exchange): string | undefined {
  if (headers.has("authorization") || headers.has("x-api-key")) {
    try {
      return credentialOf(headers);
    } catch {
      return undefined;
    }
  }
  const offered = headers.get("sec-websocket-protocol")?.split(",") ?? [];
  const key = offered.map((name) => name.trim()).find((name) => name.startsWith(keyPrefix));
  return key?.slice(keyPrefix.length);
}

import { once } from "node:events";
import { WebSocket } from "ws";
import type { Place } from "../target.ts";
import { type ChatJson, chatJson, joinJson } from "./json-chat.ts";
import {
  type Answer,
  type Ask,
  Joiner,
  type Options,
  Refusal,
  type Transport,
} from "./transport.ts";

interface Message {
  readonly type: string;
  readonly id?: string;
  readonly request_id?: string;
  readonly data?: ChatJson;
  readonly error?: {
    readonly message: string;
    readonly code: string;
    readonly reason: string;
    readonly retry_after_ms?: number;
  };
}

/** `/v1/chat/ws` with the client of the `ws` package, a connection for each question. */
export function webSocketTransport(target: Place): Transport {
  const run = async (ask: Ask, more: object, options: Options): Promise<Answer> => {
    const socket = new WebSocket(`${target.origin.replace("http", "ws")}/v1/chat/ws`, {
      headers: { authorization: `Bearer ${ask.key ?? target.apiKey}` },
      maxPayload: 2 ** 26,
    });
    try {
      return await converse(socket, { ...chatJson(ask, target.model), ...more }, options);
    } finally {
      socket.terminate();
    }
  };
  return {
    name: "WebSocket",
    whole: (ask, options = {}) => run(ask, {}, options),
    stream: (ask, options = {}) => run(ask, { stream: true }, options),
  };
}

async function converse(socket: WebSocket, request: object, options: Options): Promise<Answer> {
  const joiner = new Joiner();
  let requestId = "";
  let isAsked = false;
  const closed = once(socket, "close").then(([code]) => {
    const message = `closed with ${code}`;
    throw new Refusal({ message, code: "unavailable", reason: "closed", told: message });
  });
  const leave = (): void => socket.send('{"type":"chat.cancel","id":"a"}');
  options.signal?.addEventListener("abort", leave);
  const told = new Promise<Answer>((resolve, reject) => {
    socket.on("error", reject);
    socket.on("message", (bytes) => {
      const message = JSON.parse(String(bytes)) as Message;
      if (message.type === "session.created" && !isAsked) {
        isAsked = true;
        socket.send(JSON.stringify({ type: "chat.create", id: "a", request }));
      }
      requestId = message.type === "chat.started" ? (message.request_id ?? "") : requestId;
      if (message.data !== undefined) {
        const before = joiner.text.length;
        joinJson(joiner, message.data);
        if (joiner.text.length > before) options.onText?.(joiner.text.slice(before));
      }
      if (message.type === "chat.done") resolve(joiner.finish(requestId));
      if (message.type === "chat.canceled") reject(new Error("canceled"));
      if (message.error !== undefined) reject(refusalIn(message, joiner.text));
    });
  });
  closed.catch(() => undefined);
  return Promise.race([told, closed]);
}

function refusalIn({ error }: Message, partial: string): Refusal {
  return new Refusal({
    message: error?.message ?? "",
    code: error?.code ?? "",
    reason: error?.reason ?? "",
    told: `\`${error?.code}\``,
    retryAfterMs: error?.retry_after_ms,
    partial,
  });
}

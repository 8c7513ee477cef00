import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import { text } from "node:stream/consumers";
import { httpStatusToFaultCode } from "@tandem/libs/kernel";
import { WebSocket } from "ws";
import type { Place } from "../target.ts";
import { weatherTool } from "../weather-tool.ts";
import type { HttpError } from "./http.ts";
import {
  type Answer,
  type Ask,
  Joiner,
  type Options,
  Refusal,
  type Transport,
  type Usage,
} from "./transport.ts";

interface ToldError {
  readonly message: string;
  readonly code: string;
  readonly status: number;
  readonly retry_after_ms?: number;
}

interface UsageJson {
  readonly input_tokens: number;
  readonly output_tokens: number;
  readonly x_tandem?: { readonly cost?: string };
}

interface ResponseJson {
  readonly status: string;
  readonly status_details: { readonly reason?: string } | null;
  readonly usage: UsageJson | null;
  readonly x_tandem: { readonly request_id: string };
}

interface ServerEvent {
  readonly type: string;
  readonly delta?: string;
  readonly output_index?: number;
  readonly item?: { readonly type: string; readonly name?: string };
  readonly error?: ToldError;
  readonly response?: ResponseJson;
}

const { name, description, parameters } = weatherTool.function;
const tool = { type: "function", name, description, parameters };

/** `/v1/realtime` with the client of the `ws` package, a connection for each question. */
export function realtimeTransport(target: Place): Transport {
  return {
    name: "Realtime",
    stream: async (ask, options = {}) => {
      const model = encodeURIComponent(ask.model ?? target.model);
      const url = `${target.origin.replace("http", "ws")}/v1/realtime?model=${model}`;
      const headers = { authorization: `Bearer ${ask.key ?? target.apiKey}` };
      const socket = new WebSocket(url, { headers, maxPayload: 2 ** 26 });
      try {
        return await converse(socket, ask, options);
      } finally {
        socket.terminate();
      }
    },
  };
}

function responseOf({ content, maxTokens, isOutOfRange, usesTool }: Ask): object {
  const part = { type: "input_text", text: content };
  const limit = isOutOfRange === true ? 0 : maxTokens;
  return {
    input: [{ type: "message", role: "user", content: [part] }],
    ...(limit === undefined ? {} : { max_output_tokens: limit }),
    ...(usesTool ? { tools: [tool], tool_choice: { type: "function", name } } : {}),
  };
}

async function converse(socket: WebSocket, ask: Ask, options: Options): Promise<Answer> {
  const joiner = new Joiner();
  const leave = (): void => socket.send('{"type":"response.cancel"}');
  options.signal?.addEventListener("abort", leave);
  const refused = once(socket, "unexpected-response").then(async ([, response]) => {
    throw await refusalOf(response as IncomingMessage);
  });
  refused.catch(() => undefined);
  const told = new Promise<Answer>((resolve, reject) => {
    socket.on("error", (error) => void refused.then(() => reject(error), reject));
    socket.on("close", (code) => reject(new Error(`closed with ${code}`)));
    socket.on("message", (bytes) => {
      const event = JSON.parse(String(bytes)) as ServerEvent;
      if (event.type === "session.created") {
        socket.send(JSON.stringify({ type: "response.create", response: responseOf(ask) }));
      }
      if (event.error !== undefined) reject(refusalIn(event.error, joiner.text));
      join(joiner, event, options);
      const { response } = event;
      if (event.type !== "response.done" || response === undefined) return;
      if (response.status === "cancelled") reject(new Error("canceled"));
      else resolve(end(joiner, response));
    });
  });
  return Promise.race([told, refused]);
}

function join(joiner: Joiner, event: ServerEvent, options: Options): void {
  const { type, delta = "", output_index: index = 0, item } = event;
  if (type === "response.output_text.delta") {
    joiner.text += delta;
    options.onText?.(delta);
  } else if (type === "response.function_call_arguments.delta") {
    joiner.addCall(index, { name: "", arguments: delta });
  } else if (type === "response.output_item.added" && item?.type === "function_call") {
    joiner.addCall(index, { name: item.name ?? "", arguments: "" });
  }
}

function end(joiner: Joiner, response: ResponseJson): Answer {
  const { status, status_details: details, usage, x_tandem: own } = response;
  const whole = joiner.hasCalls ? "tool_calls" : "stop";
  const isShort = details?.reason === "max_output_tokens";
  joiner.finishReasons.push(status === "completed" ? whole : isShort ? "length" : status);
  joiner.told = status === "completed" ? status : `${status}: ${details?.reason}`;
  joiner.usage = usage === null ? undefined : usageOf(usage);
  return joiner.finish(own.request_id);
}

function usageOf(usage: UsageJson): Usage {
  return {
    prompt: usage.input_tokens,
    completion: usage.output_tokens,
    reasoning: undefined,
    cost: usage.x_tandem?.cost ?? "",
  };
}

/** What is told before there is a connection. */
async function refusalOf(response: IncomingMessage): Promise<Refusal> {
  const { error } = JSON.parse(await text(response)) as { readonly error: HttpError };
  const status = response.statusCode ?? 0;
  return new Refusal({
    message: error.message,
    code: httpStatusToFaultCode(status),
    reason: error.code,
    told: `${status} \`${error.code}\``,
  });
}

function refusalIn(error: ToldError, partial: string): Refusal {
  return new Refusal({
    message: error.message,
    code: httpStatusToFaultCode(error.status),
    reason: error.code,
    told: `\`${error.code}\``,
    retryAfterMs: error.retry_after_ms,
    partial,
  });
}

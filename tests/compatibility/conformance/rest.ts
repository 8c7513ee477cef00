import type { Target } from "../target.ts";
import {
  type ChatJson,
  chatJson,
  type ErrorJson,
  joinJson,
  refusalOf,
  wholeJson,
} from "./json-chat.ts";
import { type Ask, Joiner, type Transport } from "./transport.ts";

type Body = Record<string, unknown>;

/** JSON over HTTP, and server-sent events: what the other transports are measured by. */
export function restTransport(target: Target): Transport {
  const post = async (ask: Ask, more: Body, signal?: AbortSignal): Promise<Response> => {
    const response = await fetch(`${target.origin}/v1/chat/completions`, {
      method: "POST",
      headers: {
        authorization: `Bearer ${ask.key ?? target.apiKey}`,
        "content-type": "application/json",
      },
      body: JSON.stringify({ ...chatJson(ask, target.model), ...more }),
      signal: signal ?? null,
    });
    if (response.ok) return response;
    const { error } = (await response.json()) as { error: ErrorJson };
    const waitMs = response.headers.get("retry-after-ms");
    throw refusalOf(
      { ...error, request_id: response.headers.get("x-request-id") ?? "" },
      { status: response.status, retryAfterMs: waitMs === null ? undefined : Number(waitMs) },
    );
  };
  return {
    name: "REST and SSE",
    async whole(ask, signal) {
      const response = await post(ask, {}, signal);
      const requestId = response.headers.get("x-request-id") ?? "";
      return wholeJson((await response.json()) as ChatJson, requestId);
    },
    async stream(ask, { onText, signal } = {}) {
      const options = { stream: true, stream_options: { include_usage: true } };
      const response = await post(ask, options, signal);
      const joiner = new Joiner();
      let isWhole = false;
      try {
        for await (const data of eventsOf(response)) {
          if (data === "[DONE]") {
            isWhole = true;
            continue;
          }
          const json = JSON.parse(data) as ChatJson & { readonly error?: ErrorJson };
          if (json.error) throw refusalOf(json.error, { status: 502, partial: joiner.text });
          const before = joiner.text.length;
          joinJson(joiner, json);
          if (joiner.text.length > before) onText?.(joiner.text.slice(before));
        }
      } catch (error) {
        if (isWhole || signal?.aborted || (error as Error).name === "Error") throw error;
        throw refusalOf({ message: String(error), code: "cut" }, { status: 502 });
      }
      if (!isWhole) throw refusalOf({ message: "no [DONE]", code: "cut" }, { status: 502 });
      return joiner.finish(response.headers.get("x-request-id") ?? "");
    },
  };
}

async function* eventsOf(response: Response): AsyncGenerator<string> {
  let rest = "";
  const decoder = new TextDecoder();
  for await (const chunk of response.body ?? []) {
    rest += decoder.decode(chunk as Uint8Array, { stream: true });
    const events = rest.split("\n\n");
    rest = events.pop() ?? "";
    for (const event of events) if (event.startsWith("data: ")) yield event.slice(6);
  }
}

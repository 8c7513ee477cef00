import assert from "node:assert/strict";
import { connectTransports } from "../conformance/connect.ts";
import { grpcTransport } from "../conformance/grpc.ts";
import { type Answer, type Ask, Refusal, type Transport } from "../conformance/transport.ts";
import { webSocketTransport } from "../conformance/websocket.ts";
import type { Place } from "../target.ts";
import { type Asked, answerSchema, type Client } from "./client.ts";

const usualWaitMs = 500;

/** A client of a transport without an SDK: it comes back when it was told to, as its users do. */
export function transportClient(
  name: string,
  given: { readonly place: () => Place; open(place: Place): Transport },
): Client {
  let opened: Transport | undefined;
  const transport = (): Transport => {
    opened ??= given.open(given.place());
    return opened;
  };
  const askOf = ({ apiKey: key, model, prompt: content }: Asked): Ask => ({ key, model, content });
  const whole = async (ask: Ask, asked: Asked): Promise<Answer> => {
    for (let retries = 0; ; retries += 1) {
      try {
        const answer = await transport().whole?.(ask);
        assert.ok(answer, "it has whole answers");
        return answer;
      } catch (error) {
        if (!(error instanceof Refusal)) throw error;
        asked.onRefusal?.(error.code);
        const isPassing = ["resource_exhausted", "unavailable"].includes(error.code);
        if (!isPassing || retries >= (asked.maxRetries ?? 0)) throw error;
        await pause(error.retryAfterMs ?? usualWaitMs);
      }
    }
  };
  return {
    name,
    hidesStatuses: true,
    close: () => opened?.close?.(),
    whole: async (asked) => told(await whole(askOf(asked), asked)),
    async stream(asked, onPiece = () => "go") {
      const leaving = new AbortController();
      const onText = (text: string): void => {
        if (!leaving.signal.aborted && onPiece(text) === "leave") leaving.abort();
      };
      const { signal } = leaving;
      const streamed = transport().stream?.(askOf(asked), { onText, signal });
      assert.ok(streamed, "it streams");
      try {
        return told(await streamed);
      } catch (error) {
        if (signal.aborted) return { text: "", inputTokens: 0, outputTokens: 0 };
        throw error;
      }
    },
    async toolLoop(asked) {
      const ask = askOf(asked);
      const [call] = (await whole({ ...ask, usesTool: true }, asked)).toolCalls;
      assert.ok(call);
      const { city } = JSON.parse(call.arguments) as { readonly city?: unknown };
      const last = await whole({ ...ask, after: { call, result: "sunny" } }, asked);
      return { name: call.name, city, text: last.text };
    },
    json: async (asked) =>
      JSON.parse((await whole({ ...askOf(asked), schema: answerSchema }, asked)).text),
    statusOf: (error) =>
      error instanceof Refusal && error.code === "unauthenticated" ? 401 : undefined,
  };
}

function told({ text, usage }: Answer) {
  return { text, inputTokens: usage?.prompt ?? 0, outputTokens: usage?.completion ?? 0 };
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, milliseconds);
  });
}

/** The clients of gRPC, of Connect, and of the `ws` package. */
export function clientsByTransport(place: () => Place): readonly Client[] {
  const connect = (at: Place): Transport => {
    const [json] = connectTransports(at);
    assert.ok(json);
    return json;
  };
  return [
    transportClient("@grpc/grpc-js", { place, open: grpcTransport }),
    transportClient("@connectrpc/connect", { place, open: connect }),
    transportClient("ws", { place, open: webSocketTransport }),
  ];
}

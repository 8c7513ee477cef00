import { Code, ConnectError, createClient, type Transport as Wire } from "@connectrpc/connect";
import { createConnectTransport, createGrpcWebTransport } from "@connectrpc/connect-node";
import {
  ErrorInfoSchema,
  RequestInfoSchema,
  RetryInfoSchema,
} from "@tandem/contracts/rpc/google/rpc/error_details_pb";
import { Inference } from "@tandem/contracts/rpc/tandem/v1/inference_pb";
import type { Place } from "../target.ts";
import { chatMessage, joinChunk, wholeMessage } from "./rpc-chat.ts";
import { type Ask, Joiner, Refusal, type Transport } from "./transport.ts";

/** The unmodified client of the Connect project, in each of its forms. */
export function connectTransports(target: Place): readonly Transport[] {
  const options = { baseUrl: target.origin, httpVersion: "1.1" } as const;
  return [
    connectTransport(target, "Connect JSON", createConnectTransport(options)),
    connectTransport(
      target,
      "Connect binary",
      createConnectTransport({ ...options, useBinaryFormat: true }),
    ),
    connectTransport(target, "gRPC-web", createGrpcWebTransport(options)),
  ];
}

function connectTransport(target: Place, name: string, wire: Wire): Transport {
  const client = createClient(Inference, wire);
  const callOptions = (ask: Ask, signal?: AbortSignal) => ({
    headers: { authorization: `Bearer ${ask.key ?? target.apiKey}` },
    ...(signal === undefined ? {} : { signal }),
  });
  return {
    name,
    async whole(ask, { signal } = {}) {
      let requestId = "";
      try {
        const answer = await client.createChatCompletion(chatMessage(ask, target.model), {
          ...callOptions(ask, signal),
          onHeader: (fields) => {
            requestId = fields.get("x-request-id") ?? "";
          },
        });
        return wholeMessage(answer, requestId);
      } catch (error) {
        throw connectRefusal(error, "");
      }
    },
    async stream(ask, { onText, signal } = {}) {
      const joiner = new Joiner();
      let requestId = "";
      try {
        const stream = client.streamChatCompletion(chatMessage(ask, target.model), {
          ...callOptions(ask, signal),
          onHeader: (fields) => {
            requestId = fields.get("x-request-id") ?? "";
          },
        });
        for await (const chunk of stream) {
          const before = joiner.text.length;
          joinChunk(joiner, chunk);
          if (joiner.text.length > before) onText?.(joiner.text.slice(before));
        }
        return joiner.finish(requestId);
      } catch (error) {
        throw connectRefusal(error, joiner.text);
      }
    },
  };
}

function connectRefusal(error: unknown, partial: string): unknown {
  if (!(error instanceof ConnectError)) return error;
  const [info] = error.findDetails(ErrorInfoSchema);
  const [retry] = error.findDetails(RetryInfoSchema);
  const [request] = error.findDetails(RequestInfoSchema);
  const delay = retry?.retryDelay;
  // `InvalidArgument` → `invalid_argument`
  const code = Code[error.code].replaceAll(/(?<=.)[A-Z]/g, (letter) => `_${letter}`).toLowerCase();
  return new Refusal({
    ...{ message: error.rawMessage, code, told: `\`${code}\`` },
    reason: info?.metadata["reason"] ?? "",
    retryAfterMs: delay && Number(delay.seconds) * 1_000 + delay.nanos / 1_000_000,
    requestId: request?.requestId ?? "",
    partial,
  });
}

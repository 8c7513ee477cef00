/** One and the same question as each dialect and transport asks it. */
import { create, toBinary } from "@bufbuild/protobuf";
import { ChatCompletionRequestSchema } from "@tandem/contracts/rpc/tandem/v1/inference_pb";
import { counterPlaceholder, type RequestTemplate, type StreamForm } from "./load/job.ts";

export interface TranslatedRequest {
  readonly form: StreamForm;
  readonly request: RequestTemplate;
}

const model = "mock-1";
const temperature = 0;
const content = `${counterPlaceholder} ${"x".repeat(1_390)}`;
const messages = [{ role: "user", content }];

function asked(path: string, given: object, form: StreamForm = "events"): TranslatedRequest {
  return {
    form,
    request: { path, headers: {}, body: JSON.stringify({ model, temperature, ...given }) },
  };
}

export function messagesRequest(): TranslatedRequest {
  return asked("/v1/messages", { stream: true, max_tokens: 4_096, messages });
}

export function responsesRequest(): TranslatedRequest {
  return asked("/v1/responses", { stream: true, store: false, input: content });
}

export function nativeRequest(): TranslatedRequest {
  return asked("/v1/chat/completions", { stream: true, messages });
}

/** In the native dialect, but resumable by its name, as a turn on a WebSocket always is. */
export function resumableRequest(): TranslatedRequest {
  const { form, request } = nativeRequest();
  const headers = { "idempotency-key": `bench-${counterPlaceholder}` };
  return { form, request: { ...request, headers } };
}

/** In the native dialect, over the transport that gRPC has to use. */
export function http2Request(): TranslatedRequest {
  return asked("/v1/chat/completions", { stream: true, messages }, "http2");
}

export function socketRequest(): TranslatedRequest {
  return asked("/v1/chat/ws", { stream: true, messages }, "websocket");
}

/** gRPC over HTTP/2; the other two as bodies of HTTP/1.1, like browsers send them. */
export function rpcRequest(contentType: string): TranslatedRequest {
  const message = toBinary(
    ChatCompletionRequestSchema,
    create(ChatCompletionRequestSchema, { model, temperature, messages }),
  );
  const head = Buffer.alloc(5);
  head.writeUInt32BE(message.length, 1);
  return {
    form: contentType === "application/grpc" ? "grpc" : "messages",
    request: {
      path: "/tandem.v1.Inference/StreamChatCompletion",
      headers: { "content-type": contentType },
      body: Buffer.concat([head, message]).toString("latin1"),
      bodyEncoding: "latin1",
    },
  };
}

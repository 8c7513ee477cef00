import { create, type DescMessage, fromBinary, type Message, toBinary } from "@bufbuild/protobuf";
import { anyUnpack } from "@bufbuild/protobuf/wkt";
import { Client, credentials, Metadata, type ServiceError, status } from "@grpc/grpc-js";
import {
  ErrorInfoSchema,
  RequestInfoSchema,
  RetryInfoSchema,
} from "@tandem/contracts/rpc/google/rpc/error_details_pb";
import { StatusSchema } from "@tandem/contracts/rpc/google/rpc/status_pb";
import {
  type ChatCompletion,
  type ChatCompletionChunk,
  ChatCompletionRequestSchema,
  Inference,
} from "@tandem/contracts/rpc/tandem/v1/inference_pb";
import type { Target } from "../target.ts";
import { chatMessage, joinChunk, wholeMessage } from "./rpc-chat.ts";
import { type Ask, Joiner, Refusal, type Transport } from "./transport.ts";

export function grpcPath(method: keyof typeof Inference.method): string {
  return `/${Inference.typeName}/${Inference.method[method].name}`;
}

export function serializer<Desc extends DescMessage>(schema: Desc): (message: Message) => Buffer {
  return (message) => Buffer.from(toBinary(schema, message as never));
}

/** The unmodified client of gRPC's own project. */
export function grpcTransport(target: Target): Transport {
  const client = new Client(target.grpcAddress, credentials.createInsecure());
  const metadata = (ask: Ask): Metadata => {
    const fields = new Metadata();
    fields.set("authorization", `Bearer ${ask.key ?? target.apiKey}`);
    return fields;
  };
  const request = (ask: Ask): Message =>
    create(ChatCompletionRequestSchema, chatMessage(ask, target.model));
  const operations = Inference.method;
  return {
    name: "gRPC",
    close: () => client.close(),
    whole: (ask, signal) =>
      new Promise((resolve, reject) => {
        let requestId = "";
        const call = client.makeUnaryRequest<Message, ChatCompletion>(
          grpcPath("createChatCompletion"),
          serializer(ChatCompletionRequestSchema),
          (bytes) => fromBinary(operations.createChatCompletion.output, bytes),
          request(ask),
          metadata(ask),
          (error, answer) => {
            if (error) reject(grpcRefusal(error, ""));
            else if (answer !== undefined) resolve(wholeMessage(answer, requestId));
          },
        );
        call.on("metadata", (fields: Metadata) => {
          requestId = String(fields.get("x-request-id")[0] ?? "");
        });
        signal?.addEventListener("abort", () => call.cancel());
      }),
    stream: (ask, { onText, signal } = {}) =>
      new Promise((resolve, reject) => {
        const joiner = new Joiner();
        let requestId = "";
        const call = client.makeServerStreamRequest<Message, ChatCompletionChunk>(
          grpcPath("streamChatCompletion"),
          serializer(ChatCompletionRequestSchema),
          (bytes) => fromBinary(operations.streamChatCompletion.output, bytes),
          request(ask),
          metadata(ask),
        );
        call.on("metadata", (fields: Metadata) => {
          requestId = String(fields.get("x-request-id")[0] ?? "");
        });
        call.on("data", (chunk: ChatCompletionChunk) => {
          const before = joiner.text.length;
          joinChunk(joiner, chunk);
          if (joiner.text.length > before) onText?.(joiner.text.slice(before));
        });
        call.on("error", (error: ServiceError) => reject(grpcRefusal(error, joiner.text)));
        call.on("end", () => resolve(joiner.finish(requestId)));
        signal?.addEventListener("abort", () => call.cancel());
      }),
  };
}

export function grpcRefusal(error: ServiceError, partial: string): Refusal {
  const [bytes] = error.metadata.get("grpc-status-details-bin");
  const { details } = fromBinary(StatusSchema, Buffer.from(bytes ?? ""));
  const info = details.map((detail) => anyUnpack(detail, ErrorInfoSchema)).find(Boolean);
  const retry = details.map((detail) => anyUnpack(detail, RetryInfoSchema)).find(Boolean);
  const request = details.map((detail) => anyUnpack(detail, RequestInfoSchema)).find(Boolean);
  const delay = retry?.retryDelay;
  const waitMs = delay && Number(delay.seconds) * 1_000 + delay.nanos / 1_000_000;
  return new Refusal({
    message: error.details,
    code: (status[error.code] ?? "").toLowerCase().replace("cancelled", "canceled"),
    reason: info?.metadata["reason"] ?? "",
    retryAfterMs: waitMs,
    requestId: request?.requestId ?? "",
    partial,
  });
}

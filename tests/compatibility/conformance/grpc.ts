import { create, type DescMessage, fromBinary, type Message, toBinary } from "@bufbuild/protobuf";
import { anyUnpack } from "@bufbuild/protobuf/wkt";
import {
  Client,
  type ClientUnaryCall,
  credentials,
  Metadata,
  type ServiceError,
  status,
} from "@grpc/grpc-js";
import {
  ErrorInfoSchema,
  RequestInfoSchema,
  RetryInfoSchema,
} from "@tandem/contracts/rpc/google/rpc/error_details_pb";
import { StatusSchema } from "@tandem/contracts/rpc/google/rpc/status_pb";
import {
  type ChatCompletionChunk,
  ChatCompletionRequestSchema,
  EmbeddingsRequestSchema,
  Inference,
} from "@tandem/contracts/rpc/tandem/v1/inference_pb";
import type { Place } from "../target.ts";
import {
  chatMessage,
  embeddingsMessage,
  joinChunk,
  wholeMessage,
  wholeVectors,
} from "./rpc-chat.ts";
import { type Ask, Joiner, type Options, Refusal, type Transport } from "./transport.ts";

export function grpcPath(method: keyof typeof Inference.method): string {
  return `/${Inference.typeName}/${Inference.method[method].name}`;
}

export function serializer<Desc extends DescMessage>(schema: Desc): (message: Message) => Buffer {
  return (message) => Buffer.from(toBinary(schema, message as never));
}

const operations = Inference.method;

function metadataOf(target: Place, ask: Ask): Metadata {
  const fields = new Metadata();
  fields.set("authorization", `Bearer ${ask.key ?? target.apiKey}`);
  return fields;
}

/** The unmodified client of gRPC's own project. */
export function grpcTransport(target: Place): Transport {
  const client = new Client(target.grpcAddress, credentials.createInsecure());
  const request = (ask: Ask): Message =>
    create(ChatCompletionRequestSchema, chatMessage(ask, target.model));
  return {
    name: "gRPC",
    close: () => client.close(),
    whole: async (ask, options) => {
      const [answer, requestId] = await unary(client, "createChatCompletion", {
        bytes: serializer(ChatCompletionRequestSchema)(request(ask)),
        metadata: metadataOf(target, ask),
        options,
      });
      return wholeMessage(fromBinary(operations.createChatCompletion.output, answer), requestId);
    },
    stream: (ask, { onText, signal } = {}) =>
      new Promise((resolve, reject) => {
        const joiner = new Joiner();
        let requestId = "";
        const call = client.makeServerStreamRequest<Message, ChatCompletionChunk>(
          grpcPath("streamChatCompletion"),
          serializer(ChatCompletionRequestSchema),
          (bytes) => fromBinary(operations.streamChatCompletion.output, bytes),
          request(ask),
          metadataOf(target, ask),
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

export function grpcEmbeddings(target: Place): Transport {
  const client = new Client(target.grpcAddress, credentials.createInsecure());
  return {
    name: "Embeddings, gRPC",
    close: () => client.close(),
    whole: async (ask, options) => {
      const message = create(EmbeddingsRequestSchema, embeddingsMessage(ask, target.model));
      const [answer, requestId] = await unary(client, "createEmbeddings", {
        bytes: serializer(EmbeddingsRequestSchema)(message),
        metadata: metadataOf(target, ask),
        options,
      });
      return wholeVectors(fromBinary(operations.createEmbeddings.output, answer), requestId);
    },
  };
}

interface UnaryGiven {
  readonly bytes: Buffer;
  readonly metadata: Metadata;
  readonly options: Options | undefined;
}

function unary(
  client: Client,
  method: keyof typeof Inference.method,
  { bytes, metadata, options }: UnaryGiven,
): Promise<readonly [answer: Buffer, requestId: string]> {
  return new Promise((resolve, reject) => {
    let requestId = "";
    const call: ClientUnaryCall = client.makeUnaryRequest<Buffer, Buffer>(
      grpcPath(method),
      (given) => given,
      (given) => given,
      bytes,
      metadata,
      (error, answer) => {
        if (error) reject(grpcRefusal(error, ""));
        else if (answer !== undefined) resolve([answer, requestId]);
      },
    );
    call.on("metadata", (fields: Metadata) => {
      requestId = String(fields.get("x-request-id")[0] ?? "");
    });
    options?.signal?.addEventListener("abort", () => call.cancel());
  });
}

export function grpcRefusal(error: ServiceError, partial: string): Refusal {
  const [bytes] = error.metadata.get("grpc-status-details-bin");
  const { details } = fromBinary(StatusSchema, Buffer.from(bytes ?? ""));
  const info = details.map((detail) => anyUnpack(detail, ErrorInfoSchema)).find(Boolean);
  const retry = details.map((detail) => anyUnpack(detail, RetryInfoSchema)).find(Boolean);
  const request = details.map((detail) => anyUnpack(detail, RequestInfoSchema)).find(Boolean);
  const delay = retry?.retryDelay;
  const waitMs = delay && Number(delay.seconds) * 1_000 + delay.nanos / 1_000_000;
  const name = status[error.code] ?? "";
  return new Refusal({
    message: error.details,
    code: name.toLowerCase().replace("cancelled", "canceled"),
    reason: info?.metadata["reason"] ?? "",
    told: `\`${name}\``,
    retryAfterMs: waitMs,
    requestId: request?.requestId ?? "",
    partial,
  });
}

import type { DescMessage, Message, MessageShape } from "@bufbuild/protobuf";
import { Inference } from "@tandem/contracts/rpc/tandem/v1/inference_pb";
import {
  chatChunk,
  chatCompletion,
  chunkEvent,
  embeddings,
  modelsList,
} from "./answer-messages.ts";
import { chatBody, embeddingsBody } from "./request-body.ts";

/** One operation of the public contract, as the endpoint of the JSON API that it stands for. */
export interface RpcMethod {
  readonly input: DescMessage;
  readonly output: DescMessage;
  readonly isStream: boolean;
  readonly target: { readonly method: "GET" | "POST"; readonly path: string };
  /** The JSON body; undefined where the endpoint takes none. */
  readonly toBody: (request: Message) => object | undefined;
  /** A whole answer's body, or one event of a stream. */
  readonly toMessage: (text: string) => Message;
  /** The event of which a stream's message was made; absent where there are no streams. */
  readonly toEvent?: ((message: Message) => object) | undefined;
}

/** `toBody` is only ever given what was decoded by `input`. */
function method<Input extends DescMessage, Output extends DescMessage>(
  desc: { readonly input: Input; readonly output: Output; readonly methodKind: string },
  given: {
    readonly target: RpcMethod["target"];
    readonly toBody: (request: MessageShape<Input>) => object | undefined;
    readonly toMessage: (text: string) => Message;
    readonly toEvent?: (message: MessageShape<Output>) => object;
  },
): RpcMethod {
  return {
    input: desc.input,
    output: desc.output,
    isStream: desc.methodKind === "server_streaming",
    target: given.target,
    toBody: (request) => given.toBody(request as MessageShape<Input>),
    toMessage: given.toMessage,
    toEvent: given.toEvent && ((message) => given.toEvent?.(message as MessageShape<Output>) ?? {}),
  };
}

const operations = Inference.method;
const chat = { method: "POST", path: "/v1/chat/completions" } as const;

const methods: ReadonlyMap<string, RpcMethod> = new Map(
  Object.entries({
    CreateChatCompletion: method(operations.createChatCompletion, {
      target: chat,
      toBody: (request) => chatBody(request, false),
      toMessage: chatCompletion,
    }),
    StreamChatCompletion: method(operations.streamChatCompletion, {
      target: chat,
      toBody: (request) => chatBody(request, true),
      toMessage: chatChunk,
      toEvent: chunkEvent,
    }),
    CreateEmbeddings: method(operations.createEmbeddings, {
      target: { method: "POST", path: "/v1/embeddings" },
      toBody: embeddingsBody,
      toMessage: embeddings,
    }),
    ListModels: method(operations.listModels, {
      target: { method: "GET", path: "/v1/models" },
      toBody: () => undefined,
      toMessage: modelsList,
    }),
  }),
);

const servicePrefix = `/${Inference.typeName}/`;

export function isRpcPath(path: string): boolean {
  return path.startsWith(servicePrefix);
}

export function rpcMethodAt(path: string): RpcMethod | undefined {
  return methods.get(path.slice(servicePrefix.length));
}

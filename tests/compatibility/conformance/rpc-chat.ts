/** The public contract's words, for gRPC, gRPC-web and Connect alike. */
import type { JsonObject, MessageInitShape } from "@bufbuild/protobuf";
import type {
  ChatCompletion,
  ChatCompletionChunk,
  ChatCompletionRequestSchema,
  Embeddings,
  EmbeddingsRequestSchema,
  Usage as RpcUsage,
} from "@tandem/contracts/rpc/tandem/v1/inference_pb";
import { weatherTool } from "../weather-tool.ts";
import { vectorText } from "./rest.ts";
import { type Answer, type Ask, Joiner, type Usage } from "./transport.ts";

export function chatMessage(
  ask: Ask,
  model: string,
): MessageInitShape<typeof ChatCompletionRequestSchema> {
  const { name, description, parameters } = weatherTool.function;
  const { type, properties, required, additionalProperties } = parameters;
  const schema = { type, properties, required: [...required], additionalProperties };
  return {
    model: ask.model ?? model,
    messages: [{ role: "user", content: ask.content }, ...messagesAfter(ask)],
    ...(ask.maxTokens === undefined ? {} : { maxTokens: ask.maxTokens }),
    ...(ask.isOutOfRange ? { temperature: 3 } : {}),
    ...(ask.usesTool
      ? { tools: [{ name, description, parameters: schema }], toolFunction: name }
      : {}),
    ...(ask.isJson ? { responseFormat: { type: "json_object" } } : {}),
    ...(ask.schema === undefined ? {} : { responseFormat: schemaFormat(ask.schema) }),
  };
}

function schemaFormat(schema: object) {
  const jsonSchema = { name: "answer", strict: true, schema: schema as JsonObject };
  return { type: "json_schema", jsonSchema };
}

const callId = "call_1";

function messagesAfter({ after }: Ask) {
  if (after === undefined) return [];
  return [
    { role: "assistant", toolCalls: [{ id: callId, ...after.call }] },
    { role: "tool", toolCallId: callId, content: after.result },
  ];
}

export function joinChunk(joiner: Joiner, chunk: ChatCompletionChunk): void {
  for (const choice of chunk.choices) {
    joiner.text += choice.content;
    joiner.reasoning += choice.reasoningContent;
    for (const call of choice.toolCalls) joiner.addCall(call.index, call);
    if (choice.finishReason !== "") joiner.finishReasons.push(choice.finishReason);
  }
  if (chunk.usage !== undefined) joiner.usage = usageOf(chunk.usage);
}

export function wholeMessage(completion: ChatCompletion, requestId: string): Answer {
  const joiner = new Joiner();
  for (const { message, finishReason } of completion.choices) {
    joiner.text += message?.content ?? "";
    joiner.reasoning += message?.reasoningContent ?? "";
    for (const [at, call] of (message?.toolCalls ?? []).entries()) joiner.addCall(at, call);
    joiner.finishReasons.push(finishReason);
  }
  if (completion.usage !== undefined) joiner.usage = usageOf(completion.usage);
  return joiner.finish(requestId);
}

export function embeddingsMessage(
  { content, isOutOfRange, model: own }: Ask,
  model: string,
): MessageInitShape<typeof EmbeddingsRequestSchema> {
  // The contract has no negative number of dimensions; none at all is as wrong.
  const more = isOutOfRange ? { dimensions: 0 } : {};
  return { model: own ?? model, input: [content], ...more };
}

export function wholeVectors({ data, usage }: Embeddings, requestId: string): Answer {
  const joiner = new Joiner();
  joiner.text = vectorText(data[0]?.values ?? []);
  joiner.told = "vector";
  if (usage !== undefined) joiner.usage = usageOf(usage);
  return joiner.finish(requestId);
}

function usageOf(usage: RpcUsage): Usage {
  return {
    prompt: Number(usage.promptTokens),
    completion: Number(usage.completionTokens),
    reasoning: Number(usage.reasoningTokens),
    cost: usage.cost,
  };
}

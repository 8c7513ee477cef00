/** The public contract's words, for gRPC, gRPC-web and Connect alike. */
import type { MessageInitShape } from "@bufbuild/protobuf";
import type {
  ChatCompletion,
  ChatCompletionChunk,
  ChatCompletionRequestSchema,
  Usage as RpcUsage,
} from "@tandem/contracts/rpc/tandem/v1/inference_pb";
import { weatherTool } from "../weather-tool.ts";
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
    messages: [{ role: "user", content: ask.content }],
    ...(ask.maxTokens === undefined ? {} : { maxTokens: ask.maxTokens }),
    ...(ask.temperature === undefined ? {} : { temperature: ask.temperature }),
    ...(ask.usesTool
      ? { tools: [{ name, description, parameters: schema }], toolFunction: name }
      : {}),
    ...(ask.isJson ? { responseFormat: { type: "json_object" } } : {}),
  };
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

function usageOf(usage: RpcUsage): Usage {
  return {
    prompt: Number(usage.promptTokens),
    completion: Number(usage.completionTokens),
    reasoning: Number(usage.reasoningTokens),
    cost: usage.cost,
  };
}

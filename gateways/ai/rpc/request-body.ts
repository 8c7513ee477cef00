/** Messages of the public contract as bodies of the JSON API, field by field. */
import { isMessage, type JsonObject } from "@bufbuild/protobuf";
import type {
  ChatCompletionRequest,
  ChatMessage,
  ContentPart,
  EmbeddingsRequest,
  Tool,
  ToolCall,
} from "@tandem/contracts/rpc/tandem/v1/inference_pb";
import { aiFaults } from "../faults.ts";

type Body = Record<string, unknown>;

/** Members that have a field of their own, or are the transport's. */
const reserved = new Set(
  "model messages temperature top_p max_tokens stop frequency_penalty presence_penalty seed n \
tools tool_choice response_format logprobs top_logprobs reasoning_effort user conversation_id \
stream stream_options".split(" "),
);

/** `undefined` is left out by `JSON.stringify`, as an unset optional field must be. */
export function chatBody(request: ChatCompletionRequest, isStream: boolean): Body {
  const { responseFormat, stop, tools } = request;
  return {
    model: request.model,
    messages: request.messages.map(messageBody),
    temperature: request.temperature,
    top_p: request.topP,
    max_tokens: request.maxTokens,
    stop: stop.length === 0 ? undefined : stop,
    frequency_penalty: request.frequencyPenalty,
    presence_penalty: request.presencePenalty,
    seed: safeInteger(request.seed),
    n: request.n,
    tools: tools.length === 0 ? undefined : tools.map(toolBody),
    tool_choice: toolChoice(request),
    response_format:
      responseFormat === undefined
        ? undefined
        : { type: responseFormat.type, json_schema: responseFormat.jsonSchema },
    logprobs: request.logprobs,
    top_logprobs: request.topLogprobs,
    reasoning_effort: request.reasoningEffort,
    user: request.user,
    conversation_id: request.conversationId,
    ...(isStream ? { stream: true, stream_options: { include_usage: true } } : {}),
    ...extraMembers(request.extra),
  };
}

export function embeddingsBody({ model, input, dimensions, user }: EmbeddingsRequest): Body {
  // Base64 is a third of the text, and exact.
  return { model, input, dimensions, user, encoding_format: "base64" };
}

function extraMembers(extra: JsonObject | undefined): JsonObject {
  const taken = Object.keys(extra ?? {}).find((name) => reserved.has(name));
  if (taken === undefined) return extra ?? {};
  throw aiFaults.invalid_parameter({
    publicMessage: `\`extra.${taken}\` has a place of its own in the contract: set it there.`,
    context: { parameter: `extra.${taken}` },
  });
}

function safeInteger(value: bigint | undefined): number | undefined {
  if (value === undefined) return undefined;
  const number = Number(value);
  if (Number.isSafeInteger(number)) return number;
  throw aiFaults.invalid_parameter({
    publicMessage: "Invalid `seed`: it must be within 53 bits, as it is in JSON.",
    context: { parameter: "seed" },
  });
}

function toolChoice({ toolChoice: choice, toolFunction }: ChatCompletionRequest): unknown {
  if (toolFunction === undefined) return choice;
  return { type: "function", function: { name: toolFunction } };
}

function toolBody({ name, description, parameters, strict }: Tool): Body {
  return { type: "function", function: { name, description, parameters, strict } };
}

function messageBody(message: ChatMessage): Body {
  const { parts, toolCalls, role } = message;
  const content = parts.length > 0 ? parts.map(partBody) : message.content;
  const isCall = toolCalls.length > 0;
  return {
    role,
    // A message that only calls tools has no text; everywhere else the member has to be there.
    content: content ?? (isCall ? null : ""),
    name: message.name,
    tool_calls: isCall ? toolCalls.map(toolCallBody) : undefined,
    tool_call_id: message.toolCallId,
    reasoning_content: message.reasoningContent,
    prefix: message.prefix,
  };
}

function toolCallBody({ id, name, arguments: text }: ToolCall): Body {
  return { id, type: "function", function: { name, arguments: text } };
}

function partBody({ part }: ContentPart): Body {
  if (part.case === "text") return { type: "text", text: part.value };
  if (part.case === "imageUrl" && isMessage(part.value)) {
    const { url, detail } = part.value;
    return { type: "image_url", image_url: { url, detail } };
  }
  throw aiFaults.invalid_parameter({
    publicMessage: "Invalid `messages`: a part must hold a text or an image.",
    context: { parameter: "messages" },
  });
}

/** Answers of the JSON API as messages of the public contract, field by field. */
import { create, type JsonObject, type MessageInitShape } from "@bufbuild/protobuf";
import {
  type ChatCompletion,
  type ChatCompletionChunk,
  ChatCompletionChunkSchema,
  ChatCompletionSchema,
  type Embeddings,
  EmbeddingsSchema,
  type ListModelsResponse,
  ListModelsResponseSchema,
  type UsageSchema,
} from "@tandem/contracts/rpc/tandem/v1/inference_pb";
import { base64ToFloats } from "../core/whole/embeddings.ts";

/** What the gateway itself writes, so it is read without asking for each member's kind. */
interface AnswerJson {
  readonly id?: string;
  readonly created?: number;
  readonly model?: string;
  readonly system_fingerprint?: string | null;
  readonly choices?: readonly ChoiceJson[];
  readonly usage?: UsageJson | null;
}

interface ChoiceJson {
  readonly index?: number;
  readonly message?: MessageJson;
  readonly delta?: MessageJson;
  readonly finish_reason?: string | null;
  readonly logprobs?: JsonObject | null;
}

interface MessageJson {
  readonly role?: string | null;
  readonly content?: string | null;
  readonly reasoning_content?: string | null;
  readonly tool_calls?: readonly ToolCallJson[] | null;
}

interface ToolCallJson {
  readonly index?: number;
  readonly id?: string;
  readonly function?: { readonly name?: string; readonly arguments?: string };
}

interface UsageJson {
  readonly prompt_tokens?: number;
  readonly completion_tokens?: number;
  readonly total_tokens?: number;
  readonly prompt_cache_hit_tokens?: number;
  readonly completion_tokens_details?: { readonly reasoning_tokens?: number };
  readonly x_tandem?: {
    readonly cost?: string;
    readonly currency?: string;
    readonly attempts?: number;
    readonly estimated?: boolean;
  };
}

export function chatCompletion(text: string): ChatCompletion {
  const answer = JSON.parse(text) as AnswerJson;
  return create(ChatCompletionSchema, {
    ...headOf(answer),
    choices: (answer.choices ?? []).map((choice) => ({
      index: choice.index ?? 0,
      message: messageOf(choice.message ?? {}),
      finishReason: choice.finish_reason ?? "",
      ...logprobsOf(choice),
    })),
    ...usageOf(answer.usage),
  });
}

export function chatChunk(text: string): ChatCompletionChunk {
  const answer = JSON.parse(text) as AnswerJson;
  return create(ChatCompletionChunkSchema, {
    ...headOf(answer),
    choices: (answer.choices ?? []).map((choice) => {
      const delta = choice.delta ?? {};
      return {
        index: choice.index ?? 0,
        role: delta.role ?? "",
        content: delta.content ?? "",
        reasoningContent: delta.reasoning_content ?? "",
        toolCalls: (delta.tool_calls ?? []).map((call) => ({
          index: call.index ?? 0,
          ...toolCallOf(call),
        })),
        finishReason: choice.finish_reason ?? "",
        ...logprobsOf(choice),
      };
    }),
    ...usageOf(answer.usage),
  });
}

/** A chunk as the event that it was made of; what it had no words for is not in there. */
export function chunkEvent(chunk: ChatCompletionChunk): object {
  const { id, created, model, systemFingerprint, choices, usage } = chunk;
  return {
    ...{ id, object: "chat.completion.chunk", created: Number(created), model },
    ...(systemFingerprint === "" ? {} : { system_fingerprint: systemFingerprint }),
    choices: choices.map(({ index, finishReason, toolCalls, logprobs, ...said }) => ({
      index,
      delta: {
        ...(said.role === "" ? {} : { role: said.role }),
        ...(said.content === "" && said.role === "" ? {} : { content: said.content }),
        ...(said.reasoningContent === "" ? {} : { reasoning_content: said.reasoningContent }),
        ...(toolCalls.length === 0 ? {} : { tool_calls: toolCalls.map(callPiece) }),
      },
      ...(logprobs === undefined ? {} : { logprobs }),
      finish_reason: finishReason === "" ? null : finishReason,
    })),
    ...(usage === undefined ? {} : { usage: usageEvent(usage) }),
  };
}

function callPiece(call: ChatCompletionChunk["choices"][number]["toolCalls"][number]): object {
  const { index, id, name, arguments: text } = call;
  return {
    index,
    ...(id === "" ? {} : { id, type: "function" }),
    function: { ...(name === "" ? {} : { name }), arguments: text },
  };
}

function usageEvent(usage: NonNullable<ChatCompletionChunk["usage"]>): object {
  return {
    prompt_tokens: Number(usage.promptTokens),
    completion_tokens: Number(usage.completionTokens),
    total_tokens: Number(usage.totalTokens),
    prompt_cache_hit_tokens: Number(usage.cachedPromptTokens),
    completion_tokens_details: { reasoning_tokens: Number(usage.reasoningTokens) },
  };
}

export function embeddings(text: string): Embeddings {
  const answer = JSON.parse(text) as AnswerJson & {
    readonly data: readonly { readonly embedding: string }[];
  };
  return create(EmbeddingsSchema, {
    model: answer.model ?? "",
    data: answer.data.map(({ embedding }) => ({ values: base64ToFloats(embedding) })),
    ...usageOf(answer.usage),
  });
}

export function modelsList(text: string): ListModelsResponse {
  const { data } = JSON.parse(text) as {
    readonly data: readonly (JsonObject & {
      readonly id: string;
      readonly owned_by: string;
      readonly created: number;
    })[];
  };
  return create(ListModelsResponseSchema, {
    models: data.map(({ id, owned_by: ownedBy, created, object: _object, ...details }) => ({
      id,
      ownedBy,
      created: BigInt(created),
      details,
    })),
  });
}

function headOf({ id, created, model, system_fingerprint: fingerprint }: AnswerJson) {
  return {
    id: id ?? "",
    created: BigInt(created ?? 0),
    model: model ?? "",
    systemFingerprint: fingerprint ?? "",
  };
}

function messageOf({ role, content, reasoning_content: reasoning, tool_calls }: MessageJson) {
  return {
    role: role ?? "assistant",
    ...(typeof content === "string" ? { content } : {}),
    ...(typeof reasoning === "string" ? { reasoningContent: reasoning } : {}),
    toolCalls: (tool_calls ?? []).map(toolCallOf),
  };
}

function toolCallOf({ id, function: called }: ToolCallJson) {
  return { id: id ?? "", name: called?.name ?? "", arguments: called?.arguments ?? "" };
}

function logprobsOf({ logprobs }: ChoiceJson) {
  return logprobs === undefined || logprobs === null ? {} : { logprobs };
}

function usageOf(usage: UsageJson | null | undefined): {
  usage?: MessageInitShape<typeof UsageSchema>;
} {
  if (usage === undefined || usage === null) return {};
  const extension = usage.x_tandem ?? {};
  return {
    usage: {
      promptTokens: BigInt(usage.prompt_tokens ?? 0),
      completionTokens: BigInt(usage.completion_tokens ?? 0),
      totalTokens: BigInt(usage.total_tokens ?? 0),
      cachedPromptTokens: BigInt(usage.prompt_cache_hit_tokens ?? 0),
      reasoningTokens: BigInt(usage.completion_tokens_details?.reasoning_tokens ?? 0),
      cost: extension.cost ?? "",
      currency: extension.currency ?? "",
      attempts: extension.attempts ?? 0,
      isEstimated: extension.estimated ?? false,
    },
  };
}

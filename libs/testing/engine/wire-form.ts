/** Answers in the form they have on the wire: whole bodies and stream events. Pure. */
import { hashText } from "../seeded-random.ts";
import type { Answer, Choice, ToolCall, Usage } from "./answer.ts";
import type { Question } from "./question.ts";

/** Who an engine imitates where vendors differ: placement and names of the usage. */
export type UsageStyle = "deepseek" | "openai";

export interface Envelope {
  readonly id: string;
  /** Seconds since 1970. */
  readonly created: number;
  readonly usageStyle: UsageStyle;
}

export interface StreamEvent {
  readonly data: string;
  /** True for an event that carries a token, and so takes the time of one. */
  readonly paced: boolean;
}

export function usageBody(usage: Usage, style: UsageStyle): object {
  const { promptTokens, cachedTokens, completionTokens, reasoningTokens } = usage;
  return {
    prompt_tokens: promptTokens,
    completion_tokens: completionTokens,
    total_tokens: promptTokens + completionTokens,
    ...(style === "deepseek" && {
      prompt_cache_hit_tokens: cachedTokens,
      prompt_cache_miss_tokens: promptTokens - cachedTokens,
    }),
    prompt_tokens_details: { cached_tokens: cachedTokens },
    ...((style === "openai" || reasoningTokens > 0) && {
      completion_tokens_details: { reasoning_tokens: reasoningTokens },
    }),
  };
}

/** A chat completion or a text completion in one piece. */
export function wholeBody(question: Question, answer: Answer, envelope: Envelope): object {
  const isChat = question.kind === "chat";
  return {
    ...header(question, envelope, isChat ? "chat.completion" : "text_completion"),
    choices: answer.choices.map((choice, index) =>
      isChat ? wholeChoice(question, choice, index) : textChoice(question, choice, index),
    ),
    usage: usageBody(answer.usage, envelope.usageStyle),
  };
}

/** The events of a stream, `[DONE]` excepted; without the `data: ` before them. */
export function streamEvents(
  question: Question,
  answer: Answer,
  envelope: Envelope,
): StreamEvent[] {
  const style = envelope.usageStyle;
  const isChat = question.kind === "chat";
  const base = header(question, envelope, isChat ? "chat.completion.chunk" : "text_completion");
  const usage = usageBody(answer.usage, style);
  const filler = question.includeUsage ? { usage: null } : {};
  const events: StreamEvent[] = [];
  const push = (choices: readonly object[], paced: boolean, extra: object = filler): void => {
    events.push({ data: JSON.stringify({ ...base, choices, ...extra }), paced });
  };
  const parts = answer.choices.map((choice) =>
    isChat ? chatDeltas(question, choice) : textDeltas(question, choice),
  );
  const longest = Math.max(...parts.map(({ length }) => length));
  // Several choices are generated side by side, and so come in turn.
  for (let turn = 0; turn < longest; turn += 1) {
    for (const [index, own] of parts.entries()) {
      const said = own[turn];
      if (said === undefined) continue;
      const { paced, ...part } = said;
      push([{ index, ...part, finish_reason: null }], paced);
    }
  }
  const last = answer.choices.length - 1;
  answer.choices.forEach((choice, index) => {
    const end = isChat ? { delta: { content: "" } } : { text: "" };
    const finished = [{ index, ...end, logprobs: null, finish_reason: choice.finishReason }];
    push(finished, false, style === "deepseek" && index === last ? { usage } : filler);
  });
  if (style === "openai" && question.includeUsage) push([], false, { usage });
  return events;
}

function header(question: Question, envelope: Envelope, object: string): object {
  return {
    id: envelope.id,
    object,
    created: envelope.created,
    model: question.model,
    system_fingerprint: "fp_mock",
  };
}

function wholeChoice(question: Question, choice: Choice, index: number): object {
  const { reasoning, content, toolCall } = choice;
  return {
    index,
    message: {
      role: "assistant",
      content: content.join(""),
      ...(reasoning.length > 0 && { reasoning_content: reasoning.join("") }),
      ...(toolCall && { tool_calls: [{ index: 0, ...toolCallBody(toolCall) }] }),
    },
    logprobs: chatLogprobs(question, content),
    finish_reason: choice.finishReason,
  };
}

function textChoice(question: Question, choice: Choice, index: number): object {
  return {
    index,
    text: choice.content.join(""),
    logprobs: textLogprobs(question, choice.content),
    finish_reason: choice.finishReason,
  };
}

interface Part {
  readonly paced: boolean;
  readonly delta?: object;
  readonly text?: string;
  readonly logprobs?: object | null;
}

function chatDeltas(question: Question, choice: Choice): Part[] {
  const { reasoning, content, toolCall } = choice;
  const parts: Part[] = [{ delta: { role: "assistant", content: "" }, paced: false }];
  for (const piece of reasoning) {
    parts.push({ delta: { content: null, reasoning_content: piece }, paced: true });
  }
  for (const piece of content) {
    const logprobs = chatLogprobs(question, [piece]);
    parts.push({ delta: { content: piece }, logprobs, paced: true });
  }
  if (!toolCall) return parts;
  const begun = toolCallBody({ ...toolCall, arguments: [] });
  parts.push({ delta: { tool_calls: [{ index: 0, ...begun }] }, paced: true });
  for (const piece of toolCall.arguments) {
    const tool_calls = [{ index: 0, function: { arguments: piece } }];
    parts.push({ delta: { tool_calls }, paced: true });
  }
  return parts;
}

function textDeltas(question: Question, choice: Choice): Part[] {
  return choice.content.map((piece) => ({
    text: piece,
    logprobs: textLogprobs(question, [piece]),
    paced: true,
  }));
}

function toolCallBody(call: ToolCall): object {
  return {
    id: call.id,
    type: "function",
    function: { name: call.name, arguments: call.arguments.join("") },
  };
}

/** A made-up log probability between -1 and 0, the same for the same token. */
function logprobOf(token: string): number {
  return -(hashText(token) % 1000) / 1000;
}

function entryOf(token: string): object {
  return { token, logprob: logprobOf(token), bytes: [...Buffer.from(token)] };
}

function chatLogprobs(question: Question, pieces: readonly string[]): object | null {
  const { logprobs } = question;
  if (logprobs === undefined) return null;
  const alternatives = (token: string): object[] =>
    Array.from({ length: logprobs }, (_, rank) => entryOf(rank === 0 ? token : `${token}${rank}`));
  return {
    content: pieces.map((piece) => ({ ...entryOf(piece), top_logprobs: alternatives(piece) })),
  };
}

function textLogprobs(question: Question, pieces: readonly string[]): object | null {
  if (question.logprobs === undefined) return null;
  let offset = 0;
  const offsets = pieces.map((piece) => {
    offset += piece.length;
    return offset - piece.length;
  });
  return {
    tokens: pieces,
    token_logprobs: pieces.map(logprobOf),
    text_offset: offsets,
    top_logprobs: pieces.map((piece) => ({ [piece]: logprobOf(piece) })),
  };
}

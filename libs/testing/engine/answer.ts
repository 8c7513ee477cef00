/** What the engine answers to a question: pieces of text, a tool call, the usage. Pure. */
import { z } from "zod";
import { mixBits } from "../seeded-random.ts";
import type { AskedTool, Question } from "./question.ts";
import {
  continueAfter,
  countTokens,
  jsonPieces,
  referenceTokens,
  stopAt,
  textPieces,
  tokenAt,
} from "./reference-text.ts";

export interface ToolCall {
  readonly id: string;
  readonly name: string;
  /** Pieces of the arguments' JSON text. */
  readonly arguments: readonly string[];
}

export interface Choice {
  readonly reasoning: readonly string[];
  readonly content: readonly string[];
  readonly toolCall: ToolCall | undefined;
  readonly finishReason: "stop" | "length" | "tool_calls";
}

export interface Usage {
  readonly promptTokens: number;
  readonly cachedTokens: number;
  readonly completionTokens: number;
  readonly reasoningTokens: number;
}

export interface Answer {
  readonly choices: readonly Choice[];
  readonly usage: Usage;
}

/** What the engine does where a request leaves it open. */
export interface AnswerHabits {
  /** Tokens of a whole answer. */
  readonly answerTokens: number;
  /** Tokens of reasoning before it; 0 for a model that does not think. */
  readonly reasoningTokens: number;
  /** Prompt tokens that count as found in the engine's prefix cache. */
  readonly cachedTokens: number;
}

/** Turns the hash of a prompt into that of its reasoning, and of its n-th choice. */
const reasoningSalt = 0x5bd1e995;
const choiceSalt = 0x9e3779b9;

export function answerTo(question: Question, habits: AnswerHabits): Answer {
  const choices = Array.from({ length: question.choices }, (_, index) =>
    choiceOf(question, habits, choiceHash(question, index + continuedChoice(question, habits))),
  );
  const reasoningTokens = sum(choices.map((choice) => choice.reasoning.length));
  const answered = choices.map(
    ({ content, toolCall }) =>
      content.length + (toolCall ? countTokens(toolCall.arguments.join("")) : 0),
  );
  return {
    choices,
    usage: {
      promptTokens: question.promptTokens + saidTokens(question, habits),
      cachedTokens: Math.min(habits.cachedTokens, question.promptTokens),
      completionTokens: reasoningTokens + sum(answered),
      reasoningTokens,
    },
  };
}

function choiceHash({ promptHash }: Question, index: number): number {
  return (promptHash ^ Math.imul(index, choiceSalt)) >>> 0;
}

const choicesMax = 16;

/** Which of its own choices a prefix is the beginning of; the first where it is none's. */
function continuedChoice(question: Question, habits: AnswerHabits): number {
  const said = question.prefix?.content ?? "";
  if (said === "" || question.choices > 1) return 0;
  for (let index = 0; index < choicesMax; index += 1) {
    const whole = wholeOf(question, habits, choiceHash(question, index)).join("");
    if (whole.startsWith(said)) return index;
  }
  return 0;
}

function wholeOf(question: Question, habits: AnswerHabits, hash: number): string[] {
  if (question.tool) return referenceTokens(hash, question.wordsBefore);
  const count = question.naturalTokens ?? habits.answerTokens;
  return question.json ? jsonPieces(hash, count) : referenceTokens(hash, count);
}

/** Tokens of the prefix, which belong to the prompt of whoever continues it. */
function saidTokens(question: Question, habits: AnswerHabits): number {
  const { prefix } = question;
  if (prefix === undefined) return 0;
  const hash = choiceHash(question, continuedChoice(question, habits));
  const whole = wholeOf(question, habits, hash);
  const content = prefix.content === "" ? 0 : spokenOf(whole, prefix.content);
  const thought = referenceTokens((hash ^ reasoningSalt) >>> 0, habits.reasoningTokens);
  return content + (prefix.reasoning === "" ? 0 : spokenOf(thought, prefix.reasoning));
}

function spokenOf(whole: readonly string[], prefix: string): number {
  return whole.length - continueAfter(whole, prefix).length;
}

function choiceOf(question: Question, habits: AnswerHabits, hash: number): Choice {
  const { tool, prefix } = question;
  const reasoning = reasoningOf(question, habits, hash);
  if (tool) {
    const text = JSON.stringify(argumentsFor(tool.parameters, hash));
    return {
      reasoning,
      content: continueAfter(referenceTokens(hash, question.wordsBefore), prefix?.content ?? ""),
      toolCall: toolCallOf(tool, text, hash),
      finishReason: "tool_calls",
    };
  }
  const whole = wholeOf(question, habits, hash);
  const remaining = prefix ? continueAfter(whole, prefix.content) : whole;
  const { pieces, stopped } = stopAt(remaining, question.stops);
  const budget = (question.maxTokens ?? Number.POSITIVE_INFINITY) - reasoning.length;
  if (pieces.length > budget) {
    const content = pieces.slice(0, Math.max(0, budget));
    return { reasoning, content, toolCall: undefined, finishReason: "length" };
  }
  const content = question.echo === "" || stopped ? pieces : [question.echo, ...pieces];
  return { reasoning, content, toolCall: undefined, finishReason: "stop" };
}

function reasoningOf(question: Question, habits: AnswerHabits, hash: number): string[] {
  if (question.thinking === false || (question.prefix?.content ?? "") !== "") return [];
  const count = habits.reasoningTokens;
  const whole = referenceTokens((hash ^ reasoningSalt) >>> 0, count);
  const remaining = question.prefix ? continueAfter(whole, question.prefix.reasoning) : whole;
  return remaining.slice(0, question.maxTokens ?? remaining.length);
}

function toolCallOf(tool: AskedTool, text: string, hash: number): ToolCall {
  return {
    id: `call_00_${hash.toString(16).padStart(8, "0")}`,
    name: tool.name,
    arguments: textPieces(text, 5),
  };
}

const jsonSchema = z.looseObject({
  type: z.string().optional(),
  enum: z.array(z.unknown()).optional(),
  properties: z.record(z.string(), z.unknown()).optional(),
  items: z.unknown().optional(),
});

/** A value that a JSON Schema of the common kind accepts, chosen by the hash. */
export function argumentsFor(schema: unknown, hash: number): unknown {
  const parsed = jsonSchema.safeParse(schema);
  if (!parsed.success) return {};
  const { type, enum: choices, properties, items } = parsed.data;
  if (choices && choices.length > 0) return choices[hash % choices.length];
  if (type === "string") return tokenAt(hash, 0);
  if (type === "number" || type === "integer") return hash % 100;
  if (type === "boolean") return hash % 2 === 0;
  if (type === "array") return [argumentsFor(items, mixBits(hash))];
  if (type === "null") return null;
  return Object.fromEntries(
    Object.entries(properties ?? {}).map(([name, part], index) => [
      name,
      argumentsFor(part, mixBits(hash + index)),
    ]),
  );
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

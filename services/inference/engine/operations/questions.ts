import type { EngineConfig } from "../config.ts";
import { type ChatMessage, questionAnswerStops } from "../core/prompt-parts.ts";
import { supportedSchema } from "../core/schema-support.ts";
import { faults } from "../faults.ts";
import type { Sampling } from "../generation/draw.ts";
import type { Generator } from "../generation/engine.ts";
import type { Grammar } from "../generation/llama.ts";
import type { GenerationRequest } from "../generation/loaded-model.ts";
import { chatPromptTokens, infillPromptTokens, textPromptTokens } from "../generation/prompt.ts";
import type { ChatBody, GenerationBody, TextBody } from "./request-body.ts";

/** What can be refused without the model being there, so that nobody waits in vain. */
export function refuseUnsupported(body: GenerationBody): void {
  if ((body.n ?? 1) > 1 || (body.best_of ?? 1) > 1) {
    throw faults.unsupported({
      publicMessage: "The embedded engine gives one choice a request: leave `n` at 1.",
    });
  }
}

export function refuseUnsupportedChat(body: ChatBody): void {
  refuseUnsupported(body);
  const choice = body.tool_choice;
  const isForced =
    choice !== undefined && choice !== null && choice !== "auto" && choice !== "none";
  if ((body.tools?.length ?? 0) > 0 && isForced) {
    throw faults.unsupported({
      publicMessage:
        "The embedded engine's models call no tools, so a call cannot be required. " +
        'Use tool_choice "auto" or "none", or another upstream.',
    });
  }
  const format = body.response_format?.type;
  if (body.logprobs === true && (format === "json_object" || format === "json_schema")) {
    throw faults.unsupported({
      publicMessage: "`logprobs` and a JSON response_format cannot be had together here.",
    });
  }
  for (const message of body.messages) textOf(message.content);
  schemaOf(body);
}

/** A chat request as the loaded model takes it. */
export async function chatQuestion(
  body: ChatBody,
  { generator, config, seed }: QuestionTools,
): Promise<GenerationRequest> {
  const messages: ChatMessage[] = body.messages.map(({ role, content }) => ({
    role: role === "developer" ? "system" : role,
    content: textOf(content),
  }));
  const last = body.messages.at(-1);
  const isContinued = last?.prefix === true || body.continue_final_message === true;
  const open = last?.role === "assistant" && isContinued ? messages.pop() : undefined;
  // The answer of this format begins with the blank after "Answer:", which nobody wants to see.
  const isIndented = generator.prompt.format === "question_answer";
  const prefix = open?.content ?? "";
  return {
    ...common(body, { generator, config, seed }),
    promptTokens: chatPromptTokens(messages, generator.prompt),
    prefix: isIndented && prefix !== "" ? ` ${prefix}` : prefix,
    trimsStart: isIndented,
    stops: [...stopsOf(body), ...(isIndented ? questionAnswerStops : [])],
    grammar: await grammarOf(body, generator),
    topLogprobs: body.logprobs === true ? (body.top_logprobs ?? 0) : undefined,
  };
}

/** A text completion as the loaded model takes it; `text` is the prompt, for `echo`. */
export function textQuestion(
  body: TextBody,
  tools: QuestionTools,
): { readonly request: GenerationRequest; readonly text: string } {
  const { model } = tools.generator.model;
  const { prompt } = body;
  const isTokens = Array.isArray(prompt) && typeof prompt[0] === "number";
  if (Array.isArray(prompt) && !isTokens && prompt.length !== 1) {
    throw faults.unsupported({
      publicMessage: "The embedded engine completes one prompt a request. Send one at a time.",
    });
  }
  const { vocabulary } = tools.generator;
  if (isTokens && prompt.some((token) => Number(token) >= vocabulary)) {
    throw faults.bad_request({
      publicMessage: `\`prompt\` holds a token this model does not know; it has ${vocabulary}.`,
    });
  }
  const text = isTokens ? "" : Array.isArray(prompt) ? String(prompt[0] ?? "") : prompt;
  const suffix = body.suffix ?? "";
  const promptTokens = isTokens
    ? prompt.map(Number)
    : suffix === ""
      ? textPromptTokens(text, model)
      : infillPromptTokens({ prefix: text, suffix }, model);
  const request: GenerationRequest = {
    ...common(body, tools),
    promptTokens,
    prefix: "",
    trimsStart: false,
    stops: stopsOf(body),
    grammar: undefined,
    topLogprobs: body.logprobs ?? undefined,
  };
  return { request, text };
}

export interface QuestionTools {
  readonly generator: Generator;
  readonly config: EngineConfig;
  /** For requests that bring none. */
  readonly seed: number;
}

const topKDefault = 40;

function common(
  body: GenerationBody,
  { generator, config, seed }: QuestionTools,
): { readonly tokensMax: number; readonly sampling: Sampling } {
  const own = generator.sampling;
  return {
    tokensMax: body.max_completion_tokens ?? body.max_tokens ?? config.answerTokens,
    sampling: {
      temperature: body.temperature ?? own.temperature,
      topP: body.top_p ?? own.topP,
      topK: body.top_k ?? topKDefault,
      minP: body.min_p ?? 0,
      repeatPenalty: body.repetition_penalty ?? own.repeatPenalty,
      seed: ((body.seed ?? seed) % 0xffff_ffff) | 0,
    },
  };
}

function stopsOf({ stop }: GenerationBody): readonly string[] {
  if (stop === undefined || stop === null) return [];
  return typeof stop === "string" ? [stop] : stop;
}

function textOf(content: ChatBody["messages"][number]["content"]): string {
  if (content === undefined || content === null) return "";
  if (typeof content === "string") return content;
  return content
    .map((part) => {
      if (part.type === "text" && part.text !== undefined) return part.text;
      throw faults.unsupported({
        publicMessage: `The embedded engine reads text only, no content of type "${part.type}".`,
      });
    })
    .join("");
}

/** The schema an answer is held to; undefined for none. Throws for what a grammar cannot hold. */
function schemaOf({ response_format: format }: ChatBody) {
  if (format?.type !== "json_schema") return undefined;
  const reading = supportedSchema(format.json_schema.schema);
  if (reading.kind === "schema") return reading.schema;
  throw faults.unsupported({
    publicMessage: `The embedded engine cannot hold an answer to this schema: ${reading.problem}.`,
  });
}

async function grammarOf(body: ChatBody, { llama }: Generator): Promise<Grammar | undefined> {
  const format = body.response_format?.type;
  if (format === undefined || format === "text") return undefined;
  try {
    return await llama.jsonGrammar(schemaOf(body));
  } catch (error) {
    throw faults.unsupported({
      publicMessage: "The embedded engine cannot hold an answer to this schema.",
      cause: error,
      detail: String(error),
    });
  }
}

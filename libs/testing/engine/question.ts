/** What a request asks of the engine, read from a chat or a text-completion body. Pure. */
import { z } from "zod";
import { countTokens, promptHashOf } from "./reference-text.ts";

const textPart = z.looseObject({ type: z.string(), text: z.string().optional() });

const message = z.looseObject({
  role: z.string(),
  content: z.union([z.string(), z.array(textPart)]).nullish(),
  reasoning_content: z.string().nullish(),
  prefix: z.boolean().optional(),
});

const toolSchema = z.looseObject({
  function: z.looseObject({ name: z.string(), parameters: z.unknown().optional() }),
});

const sharedFields = {
  model: z.string(),
  stream: z.boolean().nullish(),
  stream_options: z.looseObject({ include_usage: z.boolean().optional() }).nullish(),
  max_tokens: z.number().int().min(1).nullish(),
  max_completion_tokens: z.number().int().min(1).nullish(),
  stop: z.union([z.string(), z.array(z.string())]).nullish(),
  n: z.number().int().min(1).max(16).nullish(),
};

const chatSchema = z.looseObject({
  ...sharedFields,
  messages: z.array(message).min(1),
  continue_final_message: z.boolean().optional(),
  tools: z.array(toolSchema).nullish(),
  tool_choice: z
    .union([z.string(), z.looseObject({ function: z.looseObject({ name: z.string() }) })])
    .nullish(),
  response_format: z.looseObject({ type: z.string() }).nullish(),
  thinking: z.looseObject({ type: z.string() }).nullish(),
  logprobs: z.boolean().nullish(),
  top_logprobs: z.number().int().min(0).max(20).nullish(),
});

const completionSchema = z.looseObject({
  ...sharedFields,
  prompt: z.string(),
  suffix: z.string().nullish(),
  echo: z.boolean().nullish(),
  logprobs: z.number().int().min(0).max(20).nullish(),
});

type Chat = z.infer<typeof chatSchema>;

export interface AskedTool {
  readonly name: string;
  readonly parameters: unknown;
}

export interface Question {
  readonly kind: "chat" | "completion";
  readonly model: string;
  readonly promptHash: number;
  readonly promptTokens: number;
  readonly stream: boolean;
  readonly includeUsage: boolean;
  /** Undefined: the engine's own length. */
  readonly maxTokens: number | undefined;
  /** `tokens=40` in the last user turn: how long the whole answer is. */
  readonly naturalTokens: number | undefined;
  readonly stops: readonly string[];
  readonly choices: number;
  /** The beginning that the answer has to continue; undefined for an answer of its own. */
  readonly prefix: { readonly content: string; readonly reasoning: string } | undefined;
  readonly json: boolean;
  readonly tool: AskedTool | undefined;
  /** `words=4` in the last user turn: what is said before a tool is called. */
  readonly wordsBefore: number;
  /** True, false, or undefined where the request leaves it to the model. */
  readonly thinking: boolean | undefined;
  /** How many alternatives a token; undefined for no log probabilities. */
  readonly logprobs: number | undefined;
  /** Text before the answer in a text completion with `echo`. */
  readonly echo: string;
}

/** The question in a parsed body, or what is wrong with it. */
export function questionOf(
  kind: Question["kind"],
  body: unknown,
  /** `continuesLast`: an assistant's message at the end is gone on with, as llama.cpp does. */
  { continuesLast = false }: { readonly continuesLast?: boolean } = {},
): { readonly question: Question } | { readonly problem: string } {
  const parsed = kind === "chat" ? chatSchema.safeParse(body) : completionSchema.safeParse(body);
  if (!parsed.success) return { problem: z.prettifyError(parsed.error) };
  return {
    question:
      kind === "chat"
        ? chatQuestion(chatSchema.parse(body), continuesLast)
        : completionQuestion(completionSchema.parse(body)),
  };
}

function chatQuestion(body: Chat, continuesLast: boolean): Question {
  const last = body.messages.at(-1);
  const continues =
    last?.role === "assistant" &&
    (continuesLast || last.prefix === true || body.continue_final_message === true);
  const turns = (continues ? body.messages.slice(0, -1) : body.messages).map((turn) => ({
    role: turn.role,
    text: textOf(turn.content),
  }));
  return {
    ...sharedQuestion(body),
    kind: "chat",
    promptHash: promptHashOf(turns),
    promptTokens: turns.reduce((sum, turn) => sum + countTokens(turn.text), 0),
    naturalTokens: askedLength(turns.findLast((turn) => turn.role === "user")?.text ?? ""),
    prefix: continues
      ? { content: textOf(last.content), reasoning: last.reasoning_content ?? "" }
      : undefined,
    json: /^json_/.test(body.response_format?.type ?? ""),
    tool: askedTool(body, continues ? body.messages.slice(0, -1) : body.messages),
    wordsBefore: askedWords(turns.findLast((turn) => turn.role === "user")?.text ?? ""),
    thinking: body.thinking == null ? undefined : body.thinking.type === "enabled",
    logprobs: body.logprobs === true ? (body.top_logprobs ?? 0) : undefined,
    echo: "",
  };
}

function completionQuestion(body: z.infer<typeof completionSchema>): Question {
  const [prompt = "", said] = splitAt(body.prompt, answerMark);
  const turns = [{ role: "fim", text: `${prompt}\u0002${body.suffix ?? ""}` }];
  return {
    ...sharedQuestion(body),
    kind: "completion",
    promptHash: promptHashOf(turns),
    promptTokens: countTokens(prompt + (body.suffix ?? "")),
    naturalTokens: askedLength(prompt),
    prefix: said === undefined ? undefined : { content: said, reasoning: "" },
    json: false,
    tool: undefined,
    wordsBefore: 0,
    thinking: false,
    logprobs: body.logprobs ?? undefined,
    echo: body.echo === true ? body.prompt : "",
  };
}

/**
 * In a text completion the prompt ends with this, where it stands, and what follows it is the
 * answer as far as it is there: a prompt that grew by what had been said leads on in the same text.
 */
export const answerMark = "»";

function splitAt(text: string, mark: string): readonly [string, string?] {
  const at = text.indexOf(mark);
  return at === -1 ? [text] : [text.slice(0, at), text.slice(at + mark.length)];
}

type Shared = Pick<
  Question,
  "model" | "stream" | "includeUsage" | "maxTokens" | "stops" | "choices"
>;

function sharedQuestion(body: Pick<Chat, keyof typeof sharedFields>): Shared {
  const { stop } = body;
  return {
    model: body.model,
    stream: body.stream === true,
    includeUsage: body.stream_options?.include_usage === true,
    maxTokens: body.max_tokens ?? body.max_completion_tokens ?? undefined,
    stops: stop == null ? [] : typeof stop === "string" ? [stop] : stop,
    choices: body.n ?? 1,
  };
}

function textOf(content: z.infer<typeof message>["content"]): string {
  if (content == null) return "";
  if (typeof content === "string") return content;
  return content.map((part) => part.text ?? "").join("");
}

function askedLength(text: string): number | undefined {
  const count = /\btokens=(\d{1,6})\b/.exec(text)?.[1];
  return count === undefined ? undefined : Number(count);
}

function askedWords(text: string): number {
  return Number(/\bwords=(\d{1,6})\b/.exec(text)?.[1] ?? 0);
}

/**
 * The tool to call: the one that `tool_choice` names; the first where it says `required`; with
 * `auto`, the one whose name the last turn speaks, if that is a user's.
 */
function askedTool(body: Chat, messages: Chat["messages"]): AskedTool | undefined {
  const tools = body.tools ?? [];
  const choice = body.tool_choice ?? "auto";
  const asTool = (tool: z.infer<typeof toolSchema> | undefined): AskedTool | undefined =>
    tool && { name: tool.function.name, parameters: tool.function.parameters };
  if (typeof choice === "object") {
    return asTool(tools.find((tool) => tool.function.name === choice.function.name));
  }
  if (choice === "none") return undefined;
  if (choice === "required") return asTool(tools[0]);
  const last = messages.at(-1);
  if (last?.role !== "user") return undefined;
  const text = textOf(last.content);
  return asTool(tools.find((tool) => text.includes(tool.function.name)));
}

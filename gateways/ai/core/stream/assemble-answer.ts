import { readEvent, splitEvents } from "./server-event.ts";
import { WordChunks } from "./word-chunks.ts";

/** One answer of a stream, put together from what was sent of it. */
export interface AssembledChoice {
  readonly index: number;
  content: string;
  reasoning: string;
  /** Of a text completion. */
  text: string;
  finishReason: string;
  readonly toolCalls: AssembledToolCall[];
  readonly logprobs: unknown[];
  /** Events that brought text or reasoning: as many as tokens, with most servers. */
  pieces: number;
}

export interface AssembledToolCall {
  readonly index: number;
  id: string;
  name: string;
  arguments: string;
}

export interface AssembledAnswer {
  readonly id: string;
  readonly created: number;
  readonly model: string;
  readonly fingerprint: string;
  readonly choices: readonly AssembledChoice[];
}

interface Chunk {
  readonly id?: string;
  readonly created?: number;
  readonly model?: string;
  readonly system_fingerprint?: string | null;
  readonly choices?: readonly ChunkChoice[];
}

interface ChunkChoice {
  readonly index?: number;
  readonly text?: string;
  readonly finish_reason?: string | null;
  readonly logprobs?: { readonly content?: readonly unknown[] } | null;
  readonly delta?: {
    readonly content?: string | null;
    readonly reasoning_content?: string | null;
    readonly tool_calls?: readonly ToolCallPiece[];
  };
}

interface ToolCallPiece {
  readonly index?: number;
  readonly id?: string;
  readonly function?: { readonly name?: string; readonly arguments?: string };
}

const dataPrefix = "data: ";

/** Reads events as they were sent to a client, whole ones only, and joins their pieces. */
export function assembleAnswer(sent: Buffer): AssembledAnswer {
  let first: Chunk | undefined;
  const choices = new Map<number, AssembledChoice>();
  const alike = new WordChunks();
  for (const text of splitEvents(sent)) {
    const words = text.startsWith(dataPrefix)
      ? alike.wordsIn(text, dataPrefix.length, text.length)
      : undefined;
    if (words !== undefined) {
      addPiece(choiceOf(choices, 0), { delta: { content: words } });
      continue;
    }
    const event = readEvent(text);
    if (event.kind !== "json") continue;
    const chunk = event.value as Chunk;
    if (text.startsWith(dataPrefix) && alike.mayLearn(text, dataPrefix.length, text.length)) {
      alike.learn(text, { start: dataPrefix.length, end: text.length, chunk });
    }
    first ??= chunk;
    for (const piece of chunk.choices ?? []) addPiece(choiceOf(choices, piece.index ?? 0), piece);
  }
  return {
    id: first?.id ?? "",
    created: first?.created ?? 0,
    model: first?.model ?? "",
    fingerprint: first?.system_fingerprint ?? "",
    choices: [...choices.values()].sort((left, right) => left.index - right.index),
  };
}

function choiceOf(choices: Map<number, AssembledChoice>, index: number): AssembledChoice {
  const existing = choices.get(index);
  if (existing !== undefined) return existing;
  const made: AssembledChoice = {
    index,
    content: "",
    reasoning: "",
    text: "",
    finishReason: "",
    toolCalls: [],
    logprobs: [],
    pieces: 0,
  };
  choices.set(index, made);
  return made;
}

function addPiece(choice: AssembledChoice, piece: ChunkChoice): void {
  const { delta } = piece;
  const said = delta?.content || delta?.reasoning_content || piece.text;
  if (said) choice.pieces += 1;
  choice.content += delta?.content ?? "";
  choice.reasoning += delta?.reasoning_content ?? "";
  choice.text += piece.text ?? "";
  if (typeof piece.finish_reason === "string") choice.finishReason = piece.finish_reason;
  choice.logprobs.push(...(piece.logprobs?.content ?? []));
  for (const call of delta?.tool_calls ?? []) addToolCall(choice, call);
}

function addToolCall(choice: AssembledChoice, piece: ToolCallPiece): void {
  const index = piece.index ?? 0;
  let call = choice.toolCalls.find((existing) => existing.index === index);
  if (call === undefined) {
    call = { index, id: "", name: "", arguments: "" };
    choice.toolCalls.push(call);
  }
  call.id ||= piece.id ?? "";
  call.name ||= piece.function?.name ?? "";
  call.arguments += piece.function?.arguments ?? "";
}

/** Bytes of text that were generated: the measure where nobody counted tokens. */
export function generatedBytes({ choices }: Pick<AssembledAnswer, "choices">): number {
  let bytes = 0;
  for (const { content, reasoning, text, toolCalls } of choices) {
    bytes += Buffer.byteLength(content) + Buffer.byteLength(reasoning) + Buffer.byteLength(text);
    for (const call of toolCalls) bytes += Buffer.byteLength(call.name + call.arguments);
  }
  return bytes;
}

/** The message of a choice, as the API writes it. */
export function messageOf(choice: AssembledChoice): Record<string, unknown> {
  return {
    role: "assistant",
    content: choice.content,
    ...(choice.reasoning === "" ? {} : { reasoning_content: choice.reasoning }),
    ...(choice.toolCalls.length === 0 ? {} : { tool_calls: choice.toolCalls.map(toolCallOf) }),
  };
}

function toolCallOf(call: AssembledToolCall): Record<string, unknown> {
  return {
    index: call.index,
    id: call.id,
    type: "function",
    function: { name: call.name, arguments: call.arguments },
  };
}

/** The whole answer that a request without `stream` would have got. `usageJson` as JSON. */
export function wholeAnswer(
  answer: AssembledAnswer,
  {
    endpoint,
    usageJson,
  }: { readonly endpoint: "chat" | "completions"; readonly usageJson: string },
): string {
  const isChat = endpoint === "chat";
  const choices = answer.choices.map((choice) => ({
    index: choice.index,
    ...(isChat ? { message: messageOf(choice) } : { text: choice.text }),
    logprobs: choice.logprobs.length === 0 ? null : { content: choice.logprobs },
    finish_reason: choice.finishReason,
  }));
  const head = {
    id: answer.id,
    object: isChat ? "chat.completion" : "text_completion",
    created: answer.created,
    model: answer.model,
    system_fingerprint: answer.fingerprint,
    choices,
  };
  return `${JSON.stringify(head).slice(0, -1)},"usage":${usageJson}}`;
}

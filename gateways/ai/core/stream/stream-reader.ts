import { BodyPatch } from "../body-patch.ts";
import { JsonDocument, nowhere } from "../json-document.ts";
import { scanJson } from "../json-scanner.ts";
import { readUsage, type TokenUsage } from "../money/token-usage.ts";
import type { AnswerReader, StreamFailure } from "./answer-reader.ts";
import { type ChunkFacts, readChunk } from "./chunk-shape.ts";
import { EventBuffer } from "./event-buffer.ts";
import { readEvent, splitEvents } from "./server-event.ts";
import { type WordChunk, WordChunks } from "./word-chunks.ts";

export interface StreamReaderOptions {
  /** `chat.completion.chunk` or `text_completion`. */
  readonly object: string;
  /** The model's name in what clients see. */
  readonly shownModel: string;
  /** The key under which this server sends reasoning, where it is not `reasoning_content`. */
  readonly reasoningKey: string | undefined;
  /** Makes canonical events of the server's, where it speaks something else. */
  readonly foreign?: ForeignEvents | undefined;
  /** Tool calls are shown whole: nobody can go on with half a call. */
  readonly holdsToolCalls?: boolean;
  /** Each of which has an end of its own; 1. */
  readonly choices?: number;
}

export interface ForeignEvents {
  push(chunk: Buffer): Buffer | undefined;
  readonly pendingBytes: number;
}

/** Tool calls that are longer than this together are shown as they come. */
const heldBytesMax = 1024 * 1024;

/**
 * Reads one upstream's stream and says which bytes go to the client. Pure.
 *
 * States:
 * - `opening`: nothing real has come; events are read one by one and kept.
 * - `flowing`: pieces pass as they are, looked through for finish, usage and errors by a search of
 *   their text. Only pieces that hold one of those are taken apart.
 * - `ended`: the server said `[DONE]`.
 * - `failed`: nothing more will come of it.
 *
 * The event with the finish reason is kept back, to leave with the usage (DeepSeek's place for it,
 * the last content chunk); `closing` gives it, followed by `[DONE]`. So a stream that breaks has
 * never shown a client either of them.
 */
export class StreamReader implements AnswerReader {
  readonly #options: StreamReaderOptions;
  readonly #events = new EventBuffer();
  #state: "opening" | "flowing" | "ended" | "failed" = "opening";
  #failure: StreamFailure | undefined;
  /** Said before the first real word, or part of tool calls that are not all there yet. */
  #held: string[] = [];
  #heldBytes = 0;
  #hasSpoken = false;
  /** What stood behind the words of the last chunk that was parsed. */
  #tail: string | undefined;
  #finishData: string | undefined;
  #finishReason = "";
  #finished = 0;
  #usage: TokenUsage | undefined;
  #pieces = 0;
  /** Text to find and what to put in its place, in every event. */
  readonly #rewrites: (readonly [found: string, put: string])[] = [];
  readonly #chunks = new WordChunks();
  /** What clients are shown around the words of such a chunk; empty where it is what came. */
  #shownBefore = "";
  #shownBehind = "";
  /** The words of the last piece, their bytes as characters. */
  #words: string | undefined;
  #likeness: symbol | undefined;

  constructor(options: StreamReaderOptions) {
    this.#options = options;
    const { reasoningKey } = options;
    if (reasoningKey === undefined) return;
    this.#rewrites.push([`"${reasoningKey}":"`, '"reasoning_content":"']);
    this.#rewrites.push([`"${reasoningKey}": "`, '"reasoning_content":"']);
  }

  get hasFlowed(): boolean {
    return this.#pieces > 0;
  }

  get hasSpoken(): boolean {
    return this.#hasSpoken || this.#pieces > 0;
  }

  get isSatisfied(): boolean {
    return false;
  }

  get words(): string | undefined {
    const words = this.#words;
    if (words === undefined || isAscii.test(words)) return words;
    return Buffer.from(words, "latin1").toString("utf8");
  }

  get likeness(): symbol | undefined {
    return this.#likeness;
  }

  get failure(): StreamFailure | undefined {
    return this.#failure;
  }

  get finishReason(): string {
    return this.#finishReason;
  }

  /** As the upstream counted; undefined when it has not said. */
  get usage(): TokenUsage | undefined {
    return this.#usage;
  }

  /** Finish reason and `[DONE]` have come. */
  get isComplete(): boolean {
    return this.#state === "ended" && this.#finishReason !== "";
  }

  /** Bytes for the client, all of whole events; undefined when there are none yet. */
  push(chunk: Buffer): Buffer | undefined {
    this.#words = undefined;
    if (this.#state === "ended" || this.#state === "failed") return undefined;
    const { foreign } = this.#options;
    const canonical = foreign === undefined ? chunk : foreign.push(chunk);
    if (canonical === undefined) return undefined;
    const piece = this.#events.push(canonical);
    if (this.#events.isOverfull) this.#fail("malformed", "an event does not end");
    if (piece === undefined) return undefined;
    const out = this.#state === "flowing" ? this.#flow(piece) : this.#takeApart(piece);
    if (out !== undefined) this.#pieces += 1;
    return out;
  }

  /** The body has ended as its framing has it. Without `[DONE]` every choice must have finished. */
  end(): void {
    if (this.#state === "ended" || this.#state === "failed") return;
    // Another dialect has an end of its own, which was `[DONE]` here if it had come.
    const mayLackDone = this.#options.foreign === undefined && this.#events.pendingBytes === 0;
    const isFinished = this.#finished >= (this.#options.choices ?? 1);
    if (isFinished && mayLackDone) this.#state = "ended";
    else this.#fail("incomplete", "the stream ended before its answer did");
  }

  /** The last events: finish reason with usage, and `[DONE]`. `usageJson` as JSON. */
  closing(usageJson: string): Buffer {
    const data = this.#finishData;
    const last =
      data === undefined
        ? `data: {"object":"${this.#options.object}","choices":[],"usage":${usageJson}}\n\n`
        : `data: ${withUsage(data, usageJson)}\n\n`;
    return Buffer.from(`${last}data: [DONE]\n\n`);
  }

  #fail(kind: StreamFailure["kind"], detail: string, error?: unknown): void {
    this.#state = "failed";
    this.#failure = { kind, detail, ...(error === undefined ? {} : { error }) };
  }

  /** A piece of plain events passes as it came; a search of 200 bytes takes 0.2 µs. */
  #flow(piece: Buffer): Buffer | undefined {
    const text = piece.toString("latin1");
    const isWaiting = this.#held.length > 0 || this.#finishData !== undefined;
    if (!isWaiting && isOneEvent(text)) {
      const words = this.#chunks.wordsIn(text, dataStart, text.length - eventEnd.length);
      if (words !== undefined) return this.#shown(piece, words);
      this.#learn(text);
    }
    const isHeld = this.#options.holdsToolCalls === true && text.includes('"tool_calls":');
    if (isHeld || this.#held.length > 0 || !isPlain(text, this.#tail)) {
      return this.#takeApart(piece);
    }
    if (this.#finishData !== undefined) {
      return Buffer.concat([this.#releaseFinish(), this.#rewritten(piece, text)]);
    }
    return this.#rewritten(piece, text);
  }

  /** Nearly all of a stream: a chunk like the last one in all but its words. */
  #shown(piece: Buffer, words: string): Buffer {
    this.#words = words;
    if (this.#shownBefore === "") return piece;
    return Buffer.from(this.#shownBefore + words + this.#shownBehind, "latin1");
  }

  #learn(text: string): void {
    const [start, end] = [dataStart, text.length - eventEnd.length];
    if (!this.#chunks.mayLearn(text, start, end)) return;
    const event = readEvent(text);
    if (event.kind !== "json" || readChunk(event.value).object !== this.#options.object) return;
    this.#chunks.learn(text, { start, end, chunk: event.value as WordChunk });
    this.#likeness = Symbol();
    const { before, behind } = this.#chunks;
    const [shownBefore, shownBehind] = [this.#replaced(before), this.#replaced(behind)];
    const isAsItCame = shownBefore === before && shownBehind === behind;
    this.#shownBefore = isAsItCame ? "" : `data: ${shownBefore}`;
    this.#shownBehind = isAsItCame ? "" : shownBehind + eventEnd;
  }

  #rewritten(piece: Buffer, text: string): Buffer {
    const changed = this.#replaced(text);
    return changed === text ? piece : Buffer.from(changed, "latin1");
  }

  #replaced(text: string): string {
    let changed = text;
    for (const [found, put] of this.#rewrites) {
      if (changed.includes(found)) changed = changed.replaceAll(found, put);
    }
    return changed;
  }

  #releaseFinish(): Buffer {
    const data = this.#finishData;
    this.#finishData = undefined;
    return Buffer.from(data === undefined ? "" : `data: ${data}\n\n`);
  }

  /** Reads each event of a piece and gathers what may go out. */
  #takeApart(piece: Buffer): Buffer | undefined {
    let out = "";
    for (const text of splitEvents(piece)) {
      const event = readEvent(text);
      if (event.kind === "comment") continue;
      if (event.kind === "done") this.#state = "ended";
      else if (event.kind === "malformed") this.#fail("malformed", "an event is no JSON");
      else out += this.#takeJson(event);
      if (this.#state === "ended" || this.#state === "failed") break;
    }
    return out === "" ? undefined : Buffer.from(out);
  }

  #takeJson(event: { readonly name: string; readonly data: string; readonly value: unknown }) {
    const facts = readChunk(event.value);
    if (facts.error !== undefined || event.name === "error") {
      this.#fail("error_event", "the server sent an error", facts.error ?? event.value);
      return "";
    }
    if (!facts.isChunk) {
      // A named event of no kind we know (a ping) would reach clients as a chunk.
      if (event.name === "") this.#fail("malformed", "an event is no chunk");
      return "";
    }
    if (facts.usage !== undefined) this.#usage = readUsage(facts.usage) ?? this.#usage;
    if (!facts.hasChoices) return "";
    if (facts.finishReason === "") this.#tail = tailOf(event.data);
    return this.#takeChunk(event.data, facts);
  }

  #takeChunk(data: string, facts: ChunkFacts): string {
    const held = this.#releaseFinish().toString();
    const isFirst = this.#state === "opening" && this.#held.length === 0;
    const shown = isFirst ? this.#firstChunk(data, facts) : this.#plainChunk(data, facts);
    if (facts.finishReason !== "") {
      this.#finishReason = facts.finishReason;
      this.#finished += facts.finished;
      this.#finishData = shown;
      return held + this.#open(facts, "");
    }
    return held + this.#open(facts, `data: ${shown}\n\n`);
  }

  /**
   * Keeps what is said before the first real word, and lets it go with that word; keeps tool calls
   * until all of them are there, which is when something else comes.
   */
  #open(facts: ChunkFacts, shown: string): string {
    this.#hasSpoken ||= facts.isReal;
    const isHeldCall = facts.isToolCall && this.#options.holdsToolCalls === true;
    if (this.#state !== "opening" && !isHeldCall && this.#held.length === 0) return shown;
    this.#held.push(shown);
    this.#heldBytes += shown.length;
    const isOver = facts.isReal && (!isHeldCall || facts.finishReason !== "");
    if (!isOver && this.#heldBytes <= heldBytesMax) return "";
    this.#state = "flowing";
    this.#heldBytes = 0;
    return this.#held.splice(0).join("");
  }

  /** Makes the first chunk what clients rely on, and learns what all the others will need. */
  #firstChunk(data: string, facts: ChunkFacts): string {
    const { shownModel } = this.#options;
    if (facts.model !== "" && facts.model !== shownModel) {
      const name = JSON.stringify(facts.model);
      this.#rewrites.push([`"model":${name}`, `"model":${JSON.stringify(shownModel)}`]);
      this.#rewrites.push([`"model": ${name}`, `"model":${JSON.stringify(shownModel)}`]);
    }
    return this.#plainChunk(facts.hasRole ? data : withRole(data, this.#options.object), facts);
  }

  #plainChunk(data: string, facts: ChunkFacts): string {
    const shown = this.#replaced(data);
    return facts.object === this.#options.object
      ? shown
      : patched(shown, (patch) => patch.set("object", JSON.stringify(this.#options.object)));
  }
}

/**
 * What stands behind the words of a chunk, up to the end of its choices. One that has it, and ends
 * in a brace, is whole: a line can be cut in the middle and be ended properly all the same.
 */
function tailOf(data: string): string | undefined {
  const at = Math.max(0, data.lastIndexOf('"finish_reason"'));
  const end = data.indexOf("}]", at);
  return end === -1 ? undefined : data.slice(at === 0 ? end : at, end + 2);
}

const dataStart = "data: ".length;
const eventEnd = "\n\n";
const isAscii = /^[\x20-\x7e]*$/;

/** As far as can be seen without reading it: one line of data, and the blank line behind it. */
function isOneEvent(text: string): boolean {
  return (
    text.startsWith("data: ") &&
    text.endsWith(eventEnd) &&
    text.indexOf("\n") === text.length - eventEnd.length
  );
}

/** Every event is one line with a whole chunk, and none says that something ends. */
function isPlain(text: string, tail: string | undefined): boolean {
  if (tail === undefined) return false;
  let at = 0;
  while (at < text.length) {
    const end = text.indexOf("\n", at);
    const isChunk =
      text.startsWith("data: {", at) &&
      text.charCodeAt(end - 1) === closingBrace &&
      text.lastIndexOf(tail, end) > at &&
      text.charCodeAt(end + 1) === lineFeed &&
      isWithin(text.indexOf('"choices":', at), { from: at, to: end });
    if (!isChunk) return false;
    at = end + 2;
  }
  return !(
    text.includes('"finish_reason":"') ||
    text.includes('"finish_reason": "') ||
    text.includes('"usage":{') ||
    text.includes('"usage": {') ||
    text.includes('"error":')
  );
}

function isWithin(found: number, { from, to }: { from: number; to: number }): boolean {
  return found >= from && found < to;
}

const closingBrace = 0x7d;
const lineFeed = 0x0a;

function patched(data: string, change: (patch: BodyPatch, document: JsonDocument) => void): string {
  const document = scanJson(Buffer.from(data), 5);
  if (!(document instanceof JsonDocument)) return data;
  const patch = new BodyPatch(document);
  change(patch, document);
  return patch.build().toString();
}

function withUsage(data: string, usageJson: string): string {
  return patched(data, (patch) => patch.set("usage", usageJson));
}

/** Clients want a role in the first delta of a chat. */
function withRole(data: string, object: string): string {
  if (object !== "chat.completion.chunk") return data;
  return patched(data, (patch, document) => {
    const choices = document.member(document.root, "choices");
    const choice = choices === nowhere ? nowhere : document.firstChild(choices);
    const delta = choice === nowhere ? nowhere : document.member(choice, "delta");
    if (delta === nowhere) return;
    const rest = document.raw(delta).trim().slice(1);
    const comma = rest.trim() === "}" ? "" : ",";
    patch.replace(delta, `{"role":"assistant"${comma}${rest}`);
  });
}

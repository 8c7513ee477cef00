import { readUsage, type TokenUsage } from "../money/token-usage.ts";
import type { AnswerReader, StreamFailure } from "../stream/answer-reader.ts";
import { type ChunkFacts, readChunk } from "../stream/chunk-shape.ts";
import { EventBuffer } from "../stream/event-buffer.ts";
import { readEvent, splitEvents } from "../stream/server-event.ts";
import type { ForeignEvents } from "../stream/stream-reader.ts";
import { SeamText } from "./seam-text.ts";

export interface ContinuationOptions {
  /** What the client has of the envelope: its id, its time, its model. */
  readonly head: Readonly<Record<string, unknown>>;
  /** `chat.completion.chunk` or `text_completion`. */
  readonly object: string;
  /** The choice that is gone on with. */
  readonly index: number;
  /** The client has its role. */
  readonly hasRole: boolean;
  /** What the client has of its text. */
  readonly committed: string;
  /** The end of that which comes once more. */
  readonly overlap: string;
  readonly stops: readonly string[];
  /** The key under which this server sends reasoning, where it is not `reasoning_content`. */
  readonly reasoningKey: string | undefined;
  /** Makes canonical events of the server's, where it speaks something else. */
  readonly foreign?: ForeignEvents | undefined;
  /** The joined text has to be JSON. */
  readonly isJson: boolean;
}

interface Choice {
  readonly delta?: Readonly<Record<string, unknown>> | null;
  readonly text?: unknown;
  readonly finish_reason?: unknown;
  readonly logprobs?: unknown;
}

/** Tool calls that are longer than this together are shown as they come. */
const heldBytesMax = 1024 * 1024;

/**
 * Reads the stream of an upstream that goes on with an answer, and writes it as part of the one
 * that the client has: its envelope, no second role, what is said again left out, stop strings
 * found across the seam. Every event is taken apart, which only broken streams pay. Pure.
 *
 * States: open → ended (`[DONE]`, or nothing more is wanted), or failed.
 */
export class ContinuationReader implements AnswerReader {
  /** Each of its events is made anew, and not looked at again. */
  readonly words = undefined;
  readonly likeness = undefined;
  readonly #options: ContinuationOptions;
  readonly #events = new EventBuffer();
  readonly #text: SeamText;
  #state: "open" | "ended" | "failed" = "open";
  #failure: StreamFailure | undefined;
  #hasSpoken = false;
  #hasRole: boolean;
  #hasContent: boolean;
  /** The text as the client has it, where it has to be read in the end. */
  #joined: string;
  #heldCalls: string[] = [];
  #heldBytes = 0;
  #finish: Readonly<Record<string, unknown>> | undefined;
  #finishReason = "";
  #usage: TokenUsage | undefined;
  #isSatisfied = false;
  /** Events with something said that were read, those that were swallowed included. */
  #pieces = 0;
  #callPieces = 0;

  constructor(options: ContinuationOptions) {
    this.#options = options;
    this.#text = new SeamText(options);
    this.#hasRole = options.hasRole || this.#isText;
    this.#hasContent = options.committed !== "";
    this.#joined = options.isJson ? options.committed : "";
  }

  get failure(): StreamFailure | undefined {
    return this.#failure;
  }

  get hasSpoken(): boolean {
    return this.#hasSpoken;
  }

  get finishReason(): string {
    return this.#finishReason;
  }

  get usage(): TokenUsage | undefined {
    return this.#usage;
  }

  get isComplete(): boolean {
    return this.#state === "ended" && this.#finishReason !== "";
  }

  get isSatisfied(): boolean {
    return this.#isSatisfied;
  }

  /** Events with something said, as many as tokens with most servers. A call counts once it is whole. */
  get pieces(): number {
    return this.#pieces + (this.#finishReason === "" ? 0 : this.#callPieces);
  }

  get #isText(): boolean {
    return this.#options.object === "text_completion";
  }

  push(chunk: Buffer): Buffer | undefined {
    if (this.#state !== "open") return undefined;
    const { foreign } = this.#options;
    const canonical = foreign === undefined ? chunk : foreign.push(chunk);
    const piece = canonical === undefined ? undefined : this.#events.push(canonical);
    if (this.#events.isOverfull) this.#fail("malformed", "an event does not end");
    if (piece === undefined) return undefined;
    let out = "";
    for (const text of splitEvents(piece)) {
      if (this.#state !== "open") break;
      out += this.#take(text);
    }
    return out === "" ? undefined : Buffer.from(out);
  }

  end(): void {
    if (this.#state !== "open") return;
    if (this.#finishReason !== "" && this.#events.pendingBytes === 0) this.#state = "ended";
    else this.#fail("incomplete", "the stream ended before its answer did");
  }

  /** Ends it without asking anybody: nothing may be said any more. */
  finishWith(reason: string): void {
    this.#setFinish({}, reason);
    this.#state = "ended";
  }

  closing(usageJson: string): Buffer {
    const last = JSON.stringify(this.#finish ?? {}).slice(0, -1);
    return Buffer.from(`data: ${last},"usage":${usageJson}}\n\ndata: [DONE]\n\n`);
  }

  /** The event with the finish reason, for a choice that is not the last one to finish. */
  closingOfChoice(): Buffer {
    return Buffer.from(this.#finish === undefined ? "" : eventOf(this.#finish));
  }

  #fail(kind: StreamFailure["kind"], detail: string, error?: unknown): void {
    this.#state = "failed";
    this.#failure = { kind, detail, ...(error === undefined ? {} : { error }) };
  }

  #take(text: string): string {
    const event = readEvent(text);
    if (event.kind === "comment") return "";
    if (event.kind === "done") {
      this.#state = "ended";
      return "";
    }
    if (event.kind === "malformed") {
      this.#fail("malformed", "an event is no JSON");
      return "";
    }
    const facts = readChunk(event.value);
    if (facts.error !== undefined || event.name === "error") {
      this.#fail("error_event", "the server sent an error", facts.error ?? event.value);
      return "";
    }
    if (!facts.isChunk) {
      if (event.name === "") this.#fail("malformed", "an event is no chunk");
      return "";
    }
    if (facts.usage !== undefined) this.#usage = readUsage(facts.usage) ?? this.#usage;
    return this.#takeChunk(event.value as Readonly<Record<string, unknown>>, facts);
  }

  #takeChunk(chunk: Readonly<Record<string, unknown>>, facts: ChunkFacts): string {
    const [choice] = (chunk["choices"] ?? []) as readonly Choice[];
    if (choice === undefined || this.#finishReason !== "") return "";
    this.#hasSpoken ||= facts.isReal;
    let out = this.#takeReasoning(chunk, choice) + this.#takeText(chunk, choice);
    if (this.#failure !== undefined) return out;
    if (facts.isToolCall) out += this.#holdCall(chunk, choice);
    if (facts.finishReason !== "") out += this.#takeFinish(chunk, facts.finishReason);
    return out;
  }

  /** Once there is content nobody expects reasoning: a server that thinks anew does it for itself. */
  #takeReasoning(chunk: Readonly<Record<string, unknown>>, { delta }: Choice): string {
    const { reasoningKey = "reasoning_content" } = this.#options;
    const reasoning = delta?.[reasoningKey] ?? delta?.["reasoning_content"];
    if (typeof reasoning !== "string" || reasoning === "") return "";
    this.#pieces += 1;
    if (this.#hasContent) return "";
    return this.#event(chunk, { delta: { content: null, reasoning_content: reasoning } });
  }

  #takeText(chunk: Readonly<Record<string, unknown>>, choice: Choice): string {
    const said = this.#isText ? choice.text : choice.delta?.["content"];
    if (typeof said !== "string" || said === "") return "";
    this.#pieces += 1;
    this.#hasContent = true;
    const fresh = this.#text.push(said);
    if (this.#text.isDiverged) {
      this.#fail("diverged", "it does not say again what was said");
      return "";
    }
    const out = this.#textEvent(chunk, fresh, choice.logprobs);
    if (this.#text.isStopped) {
      this.#setFinish(chunk, "stop");
      this.#isSatisfied = true;
      this.#state = "ended";
    }
    return out;
  }

  #textEvent(chunk: Readonly<Record<string, unknown>>, text: string, logprobs: unknown): string {
    if (text === "") return "";
    if (this.#options.isJson) this.#joined += text;
    const said = this.#isText ? { text } : { delta: { content: text } };
    const told = this.#isText ? shifted(logprobs, this.#options.committed.length) : logprobs;
    return this.#event(chunk, { ...said, ...(told === undefined ? {} : { logprobs: told }) });
  }

  #holdCall(chunk: Readonly<Record<string, unknown>>, { delta }: Choice): string {
    const held = this.#event(chunk, { delta: { tool_calls: delta?.["tool_calls"] } });
    this.#heldCalls.push(held);
    this.#callPieces += 1;
    this.#heldBytes += held.length;
    return this.#heldBytes > heldBytesMax ? this.#releaseCalls() : "";
  }

  #releaseCalls(): string {
    this.#heldBytes = 0;
    return this.#heldCalls.splice(0).join("");
  }

  #takeFinish(chunk: Readonly<Record<string, unknown>>, reason: string): string {
    if (this.#text.owesOverlap) {
      this.#fail("diverged", "it ended before it had said again what was said");
      return "";
    }
    const out = this.#textEvent(chunk, this.#text.rest(), undefined) + this.#releaseCalls();
    if (this.#options.isJson && reason === "stop" && !isJson(this.#joined)) {
      this.#fail("malformed", "the joined text is no JSON");
      return out;
    }
    this.#setFinish(chunk, reason);
    return out;
  }

  #setFinish(chunk: Readonly<Record<string, unknown>>, reason: string): void {
    this.#finishReason = reason;
    const last = this.#isText ? { text: "" } : { delta: { content: "" } };
    this.#finish = this.#chunk(chunk, { ...last, logprobs: null, finish_reason: reason });
  }

  #event(chunk: Readonly<Record<string, unknown>>, part: Readonly<Record<string, unknown>>) {
    if (this.#hasRole) return eventOf(this.#chunk(chunk, { ...part, finish_reason: null }));
    this.#hasRole = true;
    const delta = { role: "assistant", ...(part["delta"] as object) };
    return eventOf(this.#chunk(chunk, { ...part, delta, finish_reason: null }));
  }

  /** A chunk of this server with the envelope of the answer, and this choice alone. */
  #chunk(chunk: Readonly<Record<string, unknown>>, part: Readonly<Record<string, unknown>>) {
    const { head, object, index } = this.#options;
    const { usage: _, choices: __, ...rest } = chunk;
    return { ...rest, ...head, object, choices: [{ index, ...part }] };
  }
}

/** Places in a completion's text are counted from its beginning, which another server wrote. */
function shifted(logprobs: unknown, by: number): unknown {
  const offsets = (logprobs as { readonly text_offset?: unknown } | null)?.text_offset;
  if (!Array.isArray(offsets)) return logprobs;
  return { ...(logprobs as object), text_offset: offsets.map((offset) => Number(offset) + by) };
}

function eventOf(chunk: object): string {
  return `data: ${JSON.stringify(chunk)}\n\n`;
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

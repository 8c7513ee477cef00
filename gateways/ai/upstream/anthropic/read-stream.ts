import { EventBuffer } from "../../core/stream/event-buffer.ts";
import { readEvent, splitEvents } from "../../core/stream/server-event.ts";
import { finishReasonOf } from "../../dialects/anthropic/vocabulary.ts";
import { isObject, type JsonObject } from "../../dialects/reading.ts";
import { AnthropicUsage } from "./read-usage.ts";

type Block = { readonly kind: "text" | "thinking" | "tool" | "other"; readonly call: number };

/**
 * The stream of an Anthropic upstream in canonical form, for the reader of canonical streams, which
 * keeps the judgement: an error event stays an error event, nonsense stays nonsense, and `[DONE]`
 * is said for `message_stop` and for nothing else. So what breaks there is a broken stream here.
 */
export class AnthropicStream {
  readonly #events = new EventBuffer();
  readonly #usage = new AnthropicUsage();
  readonly #created: number;
  #head: JsonObject | undefined;
  readonly #blocks = new Map<unknown, Block>();
  #calls = 0;
  #out = "";

  constructor(nowMs: number) {
    this.#created = Math.floor(nowMs / 1_000);
  }

  /** Canonical events for these bytes; undefined while there are none. */
  push(chunk: Buffer): Buffer | undefined {
    const piece = this.#events.push(chunk);
    if (piece === undefined) return this.#events.isOverfull ? nonsense : undefined;
    this.#out = "";
    for (const text of splitEvents(piece)) this.#take(text);
    return this.#out === "" ? undefined : Buffer.from(this.#out);
  }

  /** Bytes of an event that never ended. */
  get pendingBytes(): number {
    return this.#events.pendingBytes;
  }

  #take(text: string): void {
    const event = readEvent(text);
    if (event.kind === "comment" || event.kind === "done") return;
    if (event.kind === "malformed" || !isObject(event.value)) {
      this.#out += nonsense.toString();
      return;
    }
    const { value } = event;
    switch (value["type"]) {
      case "message_start":
        this.#start(value["message"]);
        return;
      case "content_block_start":
        this.#open(value);
        return;
      case "content_block_delta":
        this.#delta(value);
        return;
      case "message_delta":
        this.#finish(value);
        return;
      case "message_stop":
        this.#out += "data: [DONE]\n\n";
        return;
      case "error":
        this.#out += `data: ${JSON.stringify({ error: value["error"] ?? value })}\n\n`;
        return;
      default:
        // Pings, the end of a block, and what is newer than this.
        if (typeof value["type"] !== "string") this.#out += nonsense.toString();
    }
  }

  #start(message: unknown): void {
    if (!isObject(message) || this.#head !== undefined) {
      this.#out += nonsense.toString();
      return;
    }
    this.#usage.take(message["usage"]);
    this.#head = {
      id: message["id"],
      object: "chat.completion.chunk",
      created: this.#created,
      model: message["model"],
    };
    this.#chunk({ role: "assistant", content: "" });
  }

  #open({ index, content_block: given }: JsonObject): void {
    const block = isObject(given) ? given : {};
    const { type } = block;
    if (type === "tool_use") {
      const call = this.#calls;
      this.#calls += 1;
      this.#blocks.set(index, { kind: "tool", call });
      const definition = { name: block["name"], arguments: "" };
      this.#chunk({
        tool_calls: [{ index: call, id: block["id"], type: "function", function: definition }],
      });
      return;
    }
    const kind = type === "text" || type === "thinking" ? type : "other";
    this.#blocks.set(index, { kind, call: -1 });
    if (type === "redacted_thinking") this.#chunk({ redacted_reasoning: block["data"] });
    if (type === "text" && block["text"]) this.#chunk({ content: block["text"] });
    if (type === "thinking" && block["thinking"]) {
      this.#chunk({ content: null, reasoning_content: block["thinking"] });
    }
  }

  #delta({ index, delta: given }: JsonObject): void {
    const delta = isObject(given) ? given : {};
    switch (delta["type"]) {
      case "text_delta":
        this.#chunk({ content: delta["text"] });
        return;
      case "thinking_delta":
        this.#chunk({ content: null, reasoning_content: delta["thinking"] });
        return;
      case "signature_delta":
        this.#chunk({ reasoning_signature: delta["signature"] });
        return;
      case "input_json_delta": {
        const call = this.#blocks.get(index)?.call ?? -1;
        if (call === -1 || delta["partial_json"] === "") return;
        const definition = { arguments: delta["partial_json"] };
        this.#chunk({ tool_calls: [{ index: call, function: definition }] });
        return;
      }
      default:
    }
  }

  #finish({ delta: given, usage }: JsonObject): void {
    const delta = isObject(given) ? given : {};
    this.#usage.take(usage);
    const { stop_reason: reason, stop_sequence: sequence } = delta;
    if (typeof reason !== "string") return;
    this.#out += this.#event({
      choices: [
        {
          index: 0,
          delta: { content: "" },
          finish_reason: finishReasonOf(reason),
          ...(typeof sequence === "string" ? { stop_reason: sequence } : {}),
        },
      ],
      usage: this.#usage.canonical(),
    });
  }

  #chunk(delta: JsonObject): void {
    this.#out += this.#event({ choices: [{ index: 0, delta, finish_reason: null }] });
  }

  /** Without its beginning a stream has no id and no model: it makes no sense. */
  #event(members: JsonObject): string {
    if (this.#head === undefined) return nonsense.toString();
    return `data: ${JSON.stringify({ ...this.#head, ...members })}\n\n`;
  }
}

/** An event that no reader takes for a chunk. */
const nonsense = Buffer.from("data: nonsense\n\n");

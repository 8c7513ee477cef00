import type { Fault } from "@tandem/libs/kernel";
import type { AnswerForm } from "../dialect.ts";
import { isObject, type JsonObject } from "../reading.ts";
import { ToolBlocks } from "../tool-blocks.ts";
import { anthropicErrorEvent } from "./error-body.ts";
import { messageUsage } from "./message-usage.ts";
import { stopReasonOf, stopSequenceIn, unsignedThought } from "./vocabulary.ts";
import { messageId, writeMessage } from "./write-message.ts";

export interface MessageFormOptions {
  /** To tell a stop string of the request from the model's own end, where the server says which. */
  readonly stopSequences: readonly string[];
  /**
   * What the prompt is judged to have, for `message_start`: nobody has counted it by then, and some
   * clients look nowhere else. The count itself comes with `message_delta`.
   */
  readonly promptTokens: number;
}

type BlockKind = "none" | "thinking" | "text" | "tool";

/**
 * Canonical chunks as the events of Anthropic's stream. States: before the message, within it (with
 * or without an open block; blocks follow one another and never interleave), ended. The end is made
 * of the finish reason and the usage, which the canonical form has in its last chunk, so a stream
 * that breaks has shown neither `message_delta` nor `message_stop`.
 */
export class MessageForm implements AnswerForm {
  readonly #options: MessageFormOptions;
  readonly #tools = new ToolBlocks();
  #isStarted: boolean = false;
  #block: BlockKind = "none";
  #index = -1;
  #isSigned: boolean = false;
  #reason: { readonly stop_reason: string; readonly stop_sequence: string | null } | undefined;
  #out = "";

  constructor(options: MessageFormOptions) {
    this.#options = options;
  }

  events(piece: Buffer | string): string {
    this.#out = "";
    const text = typeof piece === "string" ? piece : piece.toString("utf8");
    let start = 0;
    for (let end = text.indexOf("\n\n"); end !== -1; end = text.indexOf("\n\n", start)) {
      this.#event(text, start, end);
      start = end + 2;
    }
    if (start < text.length) this.#event(text, start, text.length);
    return this.#out;
  }

  words(words: string): string | undefined {
    if (!this.#isStarted) return undefined;
    this.#out = "";
    this.#speak(`"${words}"`);
    return this.#out;
  }

  whole(body: Buffer | string): string {
    return writeMessage(JSON.parse(body.toString()) as JsonObject, this.#options);
  }

  failure(fault: Fault, requestId: string): string {
    return anthropicErrorEvent(fault, requestId);
  }

  /** One canonical event: `data: {…}`, or `data: [DONE]`, which says nothing that is not said. */
  #event(text: string, start: number, end: number): void {
    if (!text.startsWith("data: {", start)) return;
    const chunk = JSON.parse(text.slice(start + 6, end)) as JsonObject;
    if (!this.#isStarted) this.#start(chunk);
    const choices = chunk["choices"];
    const choice: unknown = Array.isArray(choices) ? choices[0] : undefined;
    if (isObject(choice)) {
      if (isObject(choice["delta"])) this.#delta(choice["delta"]);
      const finish = choice["finish_reason"];
      if (typeof finish === "string") this.#finish(finish, choice);
    }
    if (isObject(chunk["usage"])) this.#end(chunk["usage"]);
  }

  #start(chunk: JsonObject): void {
    this.#isStarted = true;
    this.#emit("message_start", {
      message: {
        id: messageId(chunk["id"]),
        type: "message",
        role: "assistant",
        model: chunk["model"] ?? "",
        content: [],
        stop_reason: null,
        stop_sequence: null,
        usage: messageUsage({ prompt_tokens: this.#options.promptTokens }),
      },
    });
  }

  #delta(delta: JsonObject): void {
    const { content, reasoning_content: reasoning, refusal } = delta;
    if (typeof reasoning === "string" && reasoning !== "") this.#think(reasoning);
    const { reasoning_signature: signature, redacted_reasoning: redacted } = delta;
    if (typeof signature === "string") this.#sign(signature);
    if (typeof redacted === "string") this.#redacted(redacted);
    if (typeof content === "string" && content !== "") this.#speak(JSON.stringify(content));
    if (typeof refusal === "string" && refusal !== "") this.#speak(JSON.stringify(refusal));
    const calls = delta["tool_calls"];
    if (Array.isArray(calls)) for (const call of calls) this.#call(call);
  }

  #think(thinking: string): void {
    if (this.#block !== "thinking") {
      this.#open("thinking", { type: "thinking", thinking: "", signature: "" });
    }
    this.#piece({ type: "thinking_delta", thinking });
  }

  #sign(signature: string): void {
    if (this.#block !== "thinking") {
      this.#open("thinking", { type: "thinking", thinking: "", signature: "" });
    }
    this.#isSigned = true;
    this.#piece({ type: "signature_delta", signature });
  }

  #redacted(data: string): void {
    this.#open("none", { type: "redacted_thinking", data });
    this.#emit("content_block_stop", { index: this.#index });
  }

  /** Words as JSON. Written by hand: a stream is made of this. */
  #speak(json: string): void {
    if (this.#block !== "text") this.#open("text", { type: "text", text: "" });
    this.#out +=
      `event: content_block_delta\ndata: {"type":"content_block_delta","index":${this.#index},` +
      `"delta":{"type":"text_delta","text":${json}}}\n\n`;
  }

  #call(piece: unknown): void {
    for (const step of this.#tools.take(piece)) {
      if (step.kind === "open") {
        const { id, name } = step;
        this.#open("tool", { type: "tool_use", id, name, input: {} });
      } else this.#piece({ type: "input_json_delta", partial_json: step.text });
    }
  }

  #open(kind: BlockKind, block: object): void {
    this.#close();
    this.#block = kind;
    this.#index += 1;
    this.#emit("content_block_start", { index: this.#index, content_block: block });
  }

  #close(): void {
    if (this.#block === "none") return;
    if (this.#block === "thinking" && !this.#isSigned) {
      this.#piece({ type: "signature_delta", signature: unsignedThought });
    }
    this.#isSigned = false;
    this.#block = "none";
    this.#emit("content_block_stop", { index: this.#index });
  }

  #piece(delta: object): void {
    this.#emit("content_block_delta", { index: this.#index, delta });
  }

  #finish(finishReason: string, choice: JsonObject): void {
    for (const step of this.#tools.rest()) {
      if (step.kind === "open") {
        this.#open("tool", { type: "tool_use", id: step.id, name: step.name, input: {} });
      } else this.#piece({ type: "input_json_delta", partial_json: step.text });
    }
    this.#close();
    const sequence = stopSequenceIn(choice, this.#options.stopSequences);
    this.#reason = {
      stop_reason:
        sequence === null ? stopReasonOf(finishReason, this.#tools.hasBegun) : "stop_sequence",
      stop_sequence: sequence,
    };
  }

  #end(usage: JsonObject): void {
    if (this.#reason === undefined) return;
    this.#emit("message_delta", { delta: this.#reason, usage: messageUsage(usage) });
    this.#emit("message_stop", {});
    this.#reason = undefined;
  }

  #emit(type: string, members: object): void {
    const data = JSON.stringify({ type, ...members });
    this.#out += `event: ${type}\ndata: ${data}\n\n`;
  }
}

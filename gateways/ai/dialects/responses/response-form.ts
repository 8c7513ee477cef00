import type { Fault } from "@tandem/libs/kernel";
import { GrowingText } from "../../core/stream/growing-text.ts";
import type { AnswerForm } from "../dialect.ts";
import { errorBody } from "../openai/error-body.ts";
import { isObject, type JsonObject } from "../reading.ts";
import { ToolBlocks, type ToolStep } from "../tool-blocks.ts";
import {
  callItem,
  customInput,
  type Envelope,
  incompleteReason,
  itemId,
  messageItem,
  type ResponseState,
  reasoningItem,
  responseObject,
  responseUsage,
} from "./response-object.ts";
import { writeResponse } from "./write-response.ts";

/** The item that is being told. */
type Open =
  | { readonly kind: "none" }
  | { readonly kind: "reasoning"; readonly id: string; readonly text: GrowingText }
  | {
      readonly kind: "message";
      readonly id: string;
      readonly text: GrowingText;
      /** What stands in each of its deltas between the event's number and the words. */
      readonly place: string;
    }
  | {
      readonly kind: "call";
      readonly id: string;
      readonly callId: string;
      readonly name: string;
      text: string;
    };

const nothing: Open = { kind: "none" };

/**
 * Canonical chunks as the events of a response, each with its number. States: before the response,
 * queued (in the background only), within it (with or without an open item; items follow one
 * another), ended. Its last event is made of the finish reason and the usage, which the canonical
 * form has in its last chunk, so a stream that breaks has shown neither `response.completed` nor
 * `response.incomplete`.
 */
export class ResponseForm implements AnswerForm {
  readonly #envelope: Envelope;
  readonly #tools = new ToolBlocks();
  readonly #output: JsonObject[] = [];
  #open: Open = nothing;
  #head: { readonly createdAt: unknown; readonly model: unknown } | undefined;
  #isBegun: boolean = false;
  #finishReason = "";
  #number = 0;
  #out = "";

  constructor(envelope: Envelope) {
    this.#envelope = envelope;
  }

  opening(given: { readonly createdAt: number; readonly model: string }): string {
    this.#out = "";
    if (this.#envelope.isBackground && this.#head === undefined) this.#queue(given);
    return this.#out;
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
    if (!this.#isBegun) return undefined;
    this.#out = "";
    this.#speak(words, `"${words}"`);
    return this.#out;
  }

  whole(body: Buffer | string): string {
    const answer = JSON.parse(body.toString()) as JsonObject;
    // Of one that was told of before it was begun, what was told holds.
    const { createdAt: created, model } = this.#head ?? {
      ...{ createdAt: answer["created"], model: answer["model"] },
    };
    return JSON.stringify(writeResponse({ ...answer, created, model }, this.#envelope));
  }

  /** For those who read the one, and for those who read the other. */
  failure(fault: Fault, requestId: string): string {
    this.#out = "";
    const { error } = JSON.parse(errorBody(fault, requestId)) as { error: JsonObject };
    const { code, message, param } = error;
    if (this.#head !== undefined) {
      const response = this.#response("failed", { error: { code, message } });
      this.#emit("response.failed", { response });
    }
    this.#emit("error", { code, message, param });
    return this.#out;
  }

  #event(text: string, start: number, end: number): void {
    if (!text.startsWith("data: {", start)) return;
    const chunk = JSON.parse(text.slice(start + 6, end)) as JsonObject;
    if (!this.#isBegun) this.#start(chunk);
    const choices = chunk["choices"];
    const choice: unknown = Array.isArray(choices) ? choices[0] : undefined;
    if (isObject(choice)) {
      if (isObject(choice["delta"])) this.#delta(choice["delta"]);
      if (typeof choice["finish_reason"] === "string") this.#finish(choice["finish_reason"]);
    }
    if (isObject(chunk["usage"])) this.#end(chunk["usage"]);
  }

  #start(chunk: JsonObject): void {
    this.#isBegun = true;
    const head = { createdAt: chunk["created"], model: chunk["model"] };
    const { isBackground } = this.#envelope;
    if (this.#head === undefined && isBackground) this.#queue(head);
    this.#head ??= head;
    const response = this.#response("in_progress");
    if (!isBackground) this.#emit("response.created", { response });
    this.#emit("response.in_progress", { response });
  }

  #queue(head: { readonly createdAt: unknown; readonly model: unknown }): void {
    this.#head = head;
    const response = this.#response("queued");
    this.#emit("response.created", { response });
    this.#emit("response.queued", { response });
  }

  #response(
    status: ResponseState,
    more: {
      readonly usage?: JsonObject;
      readonly incomplete?: string | undefined;
      readonly error?: JsonObject;
    } = {},
  ): JsonObject {
    return responseObject(this.#envelope, {
      createdAt: this.#head?.createdAt ?? 0,
      model: this.#head?.model ?? "",
      ...{ status, output: this.#output, usage: more.usage ?? null },
      ...{ incomplete: more.incomplete, error: more.error },
    });
  }

  #delta(delta: JsonObject): void {
    const { content, reasoning_content: reasoning, refusal, tool_calls: calls } = delta;
    if (typeof reasoning === "string" && reasoning !== "") this.#think(reasoning);
    for (const words of [content, refusal]) {
      if (typeof words === "string" && words !== "") this.#speak(words, JSON.stringify(words));
    }
    if (!Array.isArray(calls)) return;
    for (const call of calls) for (const step of this.#tools.take(call)) this.#step(step);
  }

  #think(delta: string): void {
    if (this.#open.kind !== "reasoning") {
      this.#close();
      const id = itemId(this.#envelope, "rs", this.#output.length);
      const text = new GrowingText();
      this.#open = { kind: "reasoning", id, text };
      this.#added(reasoningItem(id, ""));
      this.#part("added", { type: "reasoning_text", text: "" });
    }
    this.#open.text.add(delta);
    this.#piece("response.reasoning_text.delta", { content_index: 0, delta });
  }

  /** Words, and the same as JSON. */
  #speak(delta: string, json: string): void {
    if (this.#open.kind !== "message") {
      this.#close();
      const id = itemId(this.#envelope, "msg", this.#output.length);
      const text = new GrowingText();
      const place = `,"item_id":"${id}","output_index":${this.#output.length},"content_index":0`;
      this.#open = { kind: "message", id, text, place };
      this.#added(messageItem(id, undefined));
      this.#part("added", { type: "output_text", annotations: [], logprobs: [], text: "" });
    }
    this.#open.text.add(delta);
    // Written by hand: a stream is made of this.
    this.#out +=
      `event: response.output_text.delta\ndata: {"type":"response.output_text.delta",` +
      `"sequence_number":${this.#number}${this.#open.place},"delta":${json},"logprobs":[]}\n\n`;
    this.#number += 1;
  }

  #step(step: ToolStep): void {
    if (step.kind === "open") {
      this.#close();
      const { id: callId, name } = step;
      const id = itemId(this.#envelope, "fc", this.#output.length);
      this.#open = { kind: "call", id, callId, name, text: "" };
      const call = { id, callId, name, arguments: "", isBegun: true };
      this.#added(callItem(this.#envelope, call));
      return;
    }
    if (this.#open.kind !== "call") return;
    this.#open.text += step.text;
    // A custom tool's input is a text inside the arguments, and told when that is whole.
    if (this.#isCustom(this.#open.name)) return;
    this.#piece("response.function_call_arguments.delta", { delta: step.text });
  }

  #isCustom(name: string): boolean {
    return this.#envelope.toolNames.custom.has(name);
  }

  #close(): void {
    const open = this.#open;
    this.#open = nothing;
    switch (open.kind) {
      case "none":
        return;
      case "reasoning": {
        const { id } = open;
        const text = open.text.toString();
        this.#piece("response.reasoning_text.done", { content_index: 0, text }, id);
        this.#part("done", { type: "reasoning_text", text }, id);
        this.#done(reasoningItem(id, text));
        return;
      }
      case "message": {
        const { id } = open;
        const text = open.text.toString();
        const done = { content_index: 0, text, logprobs: [] };
        this.#piece("response.output_text.done", done, id);
        this.#part("done", { type: "output_text", annotations: [], logprobs: [], text }, id);
        this.#done(messageItem(id, text));
        return;
      }
      case "call":
        this.#closeCall(open);
    }
  }

  #closeCall({ id, callId, name, text }: Extract<Open, { kind: "call" }>): void {
    if (this.#isCustom(name)) {
      const input = customInput(text);
      this.#piece("response.custom_tool_call_input.delta", { delta: input }, id);
      this.#piece("response.custom_tool_call_input.done", { input }, id);
    } else {
      const own = this.#envelope.toolNames.grouped.get(name)?.name ?? name;
      this.#piece("response.function_call_arguments.done", { name: own, arguments: text }, id);
    }
    this.#done(callItem(this.#envelope, { id, callId, name, arguments: text }));
  }

  #finish(finishReason: string): void {
    for (const step of this.#tools.rest()) this.#step(step);
    this.#close();
    this.#finishReason = finishReason;
  }

  #end(canonical: JsonObject): void {
    if (this.#finishReason === "") return;
    const incomplete = incompleteReason(this.#finishReason);
    const status = incomplete === undefined ? "completed" : "incomplete";
    const response = this.#response(status, { usage: responseUsage(canonical), incomplete });
    this.#emit(`response.${status}`, { response });
    this.#finishReason = "";
  }

  #added(item: JsonObject): void {
    this.#emit("response.output_item.added", { output_index: this.#output.length, item });
  }

  #done(item: JsonObject): void {
    this.#emit("response.output_item.done", { output_index: this.#output.length, item });
    this.#output.push(item);
  }

  #part(what: "added" | "done", part: JsonObject, id?: string): void {
    this.#piece(`response.content_part.${what}`, { content_index: 0, part }, id);
  }

  #piece(type: string, members: object, id?: string): void {
    const item = id ?? (this.#open.kind === "none" ? "" : this.#open.id);
    this.#emit(type, { item_id: item, output_index: this.#output.length, ...members });
  }

  #emit(type: string, members: object): void {
    const data = JSON.stringify({ type, sequence_number: this.#number, ...members });
    this.#number += 1;
    this.#out += `event: ${type}\ndata: ${data}\n\n`;
  }
}

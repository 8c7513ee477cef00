import type { KeptItem } from "./conversation.ts";

/** A server event, still without its own id. */
export type ServerEvent = Readonly<Record<string, unknown>> & { readonly type: string };

/** What a chunk of the JSON API has for us. */
export interface Chunk {
  readonly choices?: readonly {
    readonly delta?: {
      readonly content?: string | null;
      readonly tool_calls?: readonly {
        readonly index: number;
        readonly id?: string;
        readonly function?: { readonly name?: string; readonly arguments?: string };
      }[];
    };
    readonly finish_reason?: string | null;
  }[];
  readonly usage?: ChunkUsage | null;
}

interface ChunkUsage {
  readonly prompt_tokens: number;
  readonly completion_tokens: number;
  readonly total_tokens: number;
  readonly prompt_tokens_details?: { readonly cached_tokens?: number };
  readonly x_tandem?: object;
}

/** How a response ended. */
export type Ending =
  | { readonly status: "completed" }
  | { readonly status: "cancelled" }
  | { readonly status: "failed"; readonly error: object };

interface OpenItem {
  readonly id: string;
  readonly index: number;
  /** Of a call; undefined for the message. */
  readonly call: { readonly callId: string; readonly name: string } | undefined;
  text: string;
}

/**
 * One response, told in the Realtime API's events: what the chunks of the JSON API say becomes
 * items with their parts. States: created → telling → done. Pure; its ids are given to it.
 */
export class ResponseEvents {
  readonly id: string;
  readonly #newItemId: () => string;
  readonly #about: object;
  readonly #open: OpenItem[] = [];
  #finishReason = "";
  #usage: ChunkUsage | undefined;

  constructor(given: {
    readonly id: string;
    /** By which its record is found. */
    readonly requestId: string;
    readonly conversationId: string | null;
    readonly metadata: object | null;
    readonly newItemId: () => string;
  }) {
    this.id = given.id;
    this.#newItemId = given.newItemId;
    this.#about = {
      ...{ object: "realtime.response", id: given.id, conversation_id: given.conversationId },
      ...{ output_modalities: ["text"], metadata: given.metadata },
      x_tandem: { request_id: given.requestId },
    };
  }

  /** What has been said so far, as items of the conversation. */
  items(status: "completed" | "incomplete"): readonly KeptItem[] {
    return this.#open.map((open) => this.#item(open, status));
  }

  begin(): ServerEvent {
    const state = { status: "in_progress", status_details: null, output: [], usage: null };
    return { type: "response.created", response: { ...this.#about, ...state } };
  }

  add({ choices = [], usage }: Chunk): readonly ServerEvent[] {
    const events: ServerEvent[] = [];
    this.#usage = usage ?? this.#usage;
    for (const { delta, finish_reason: reason } of choices) {
      this.#finishReason = reason ?? this.#finishReason;
      if (delta?.content) this.#say(delta.content, events);
      for (const call of delta?.tool_calls ?? []) this.#call(call, events);
    }
    return events;
  }

  #say(text: string, events: ServerEvent[]): void {
    let message = this.#open.find(({ call }) => call === undefined);
    if (message === undefined) {
      message = this.#opened(undefined, events);
      const part = { type: "text", text: "" };
      events.push({ type: "response.content_part.added", ...this.#place(message), part });
    }
    message.text += text;
    events.push({ type: "response.output_text.delta", ...this.#place(message), delta: text });
  }

  #call(
    call: NonNullable<NonNullable<Chunk["choices"]>[number]["delta"]>["tool_calls"] extends
      | readonly (infer One)[]
      | undefined
      ? One
      : never,
    events: ServerEvent[],
  ): void {
    const calls = this.#open.filter((open) => open.call !== undefined);
    const { name = "", arguments: args = "" } = call.function ?? {};
    const about = { callId: call.id ?? this.#newItemId(), name };
    const open = calls[call.index] ?? this.#opened(about, events);
    open.text += args;
    if (args === "") return;
    const place = { ...this.#place(open), call_id: open.call?.callId, delta: args };
    events.push({ type: "response.function_call_arguments.delta", ...place });
  }

  #opened(call: OpenItem["call"], events: ServerEvent[]): OpenItem {
    const open = { id: this.#newItemId(), index: this.#open.length, call, text: "" };
    this.#open.push(open);
    events.push({
      type: "response.output_item.added",
      ...{ response_id: this.id, output_index: open.index },
      item: this.#item(open, "in_progress"),
    });
    return open;
  }

  #place({ id, index, call }: OpenItem): object {
    const place = { response_id: this.id, item_id: id, output_index: index };
    return call === undefined ? { ...place, content_index: 0 } : place;
  }

  #item({ id, call, text }: OpenItem, status: string): KeptItem {
    if (call !== undefined) {
      const { callId, name } = call;
      return { id, status, type: "function_call", call_id: callId, name, arguments: text };
    }
    const content = status === "in_progress" ? [] : [{ type: "output_text" as const, text }];
    return { id, status, type: "message", role: "assistant", content };
  }

  /** The last events; what is not whole says so in each of them. */
  end(ending: Ending): readonly ServerEvent[] {
    const cut = cutReasons.get(this.#finishReason);
    const isWhole = ending.status === "completed" && cut === undefined;
    const itemStatus = isWhole ? "completed" : "incomplete";
    const events = this.#open.flatMap((open) => this.#closed(open, itemStatus));
    const status = ending.status === "completed" && !isWhole ? "incomplete" : ending.status;
    const response = {
      ...this.#about,
      status,
      status_details: detailsOf(ending, cut),
      output: this.#open.map((open) => this.#item(open, itemStatus)),
      usage: this.#usage === undefined ? null : usageOf(this.#usage),
    };
    return [...events, { type: "response.done", response }];
  }

  #closed(open: OpenItem, status: string): readonly ServerEvent[] {
    const place = this.#place(open);
    const { text, call } = open;
    const told =
      call === undefined
        ? [
            { type: "response.output_text.done", ...place, text },
            { type: "response.content_part.done", ...place, part: { type: "text", text } },
          ]
        : [
            {
              type: "response.function_call_arguments.done",
              ...{ ...place, call_id: call.callId, name: call.name, arguments: text },
            },
          ];
    const item = this.#item(open, status);
    const done = { response_id: this.id, output_index: open.index, item };
    return [...told, { type: "response.output_item.done", ...done }];
  }
}

const cutReasons = new Map([
  ["length", "max_output_tokens"],
  ["content_filter", "content_filter"],
]);

function detailsOf(ending: Ending, cut: string | undefined): object | null {
  if (ending.status === "failed") return { type: "failed", error: ending.error };
  if (ending.status === "cancelled") return { type: "cancelled", reason: "client_cancelled" };
  return cut === undefined ? null : { type: "incomplete", reason: cut };
}

function usageOf(usage: ChunkUsage): object {
  const cached = usage.prompt_tokens_details?.cached_tokens ?? 0;
  return {
    total_tokens: usage.total_tokens,
    input_tokens: usage.prompt_tokens,
    output_tokens: usage.completion_tokens,
    input_token_details: {
      ...{ text_tokens: usage.prompt_tokens, audio_tokens: 0, cached_tokens: cached },
    },
    output_token_details: { text_tokens: usage.completion_tokens, audio_tokens: 0 },
    x_tandem: usage.x_tandem,
  };
}

import type { Item, Tool, Wishes } from "./client-event.ts";

/** An item with the id by which everybody speaks of it. */
export type KeptItem = Item & { readonly id: string; readonly status: string };

export interface SessionWishes {
  readonly instructions: string;
  readonly tools: readonly Tool[];
  readonly toolChoice: unknown;
  readonly maxOutputTokens: number | "inf";
}

export const noWishes: SessionWishes = {
  instructions: "",
  tools: [],
  toolChoice: "auto",
  maxOutputTokens: "inf",
};

/** What is said replaces what was wished before; the rest stays. */
export function wishedAlso(former: SessionWishes, said: Wishes): SessionWishes {
  return {
    instructions: said.instructions ?? former.instructions,
    tools: said.tools ?? former.tools,
    toolChoice: said.tool_choice ?? former.toolChoice,
    maxOutputTokens: said.max_output_tokens ?? former.maxOutputTokens,
  };
}

/** The items of one session, in order. Pure. */
export class Conversation {
  readonly #items: KeptItem[] = [];
  #bytes = 0;

  get size(): number {
    return this.#items.length;
  }

  get items(): readonly KeptItem[] {
    return this.#items;
  }

  /** Of all items, as JSON. */
  get bytes(): number {
    return this.#bytes;
  }

  find(id: string): KeptItem | undefined {
    return this.#items.find((item) => item.id === id);
  }

  /**
   * Puts it behind another one: `root` for the beginning, null or nothing for the end. The id of
   * the one before it; undefined when there is no such one.
   */
  add(item: KeptItem, behind?: string | null): { readonly previous: string | null } | undefined {
    let at = this.#items.length;
    if (behind === "root") at = 0;
    else if (behind != null) {
      at = this.#items.findIndex(({ id }) => id === behind) + 1;
      if (at === 0) return undefined;
    }
    this.#items.splice(at, 0, item);
    this.#bytes += bytesOf(item);
    return { previous: this.#items[at - 1]?.id ?? null };
  }

  delete(id: string): boolean {
    const at = this.#items.findIndex((item) => item.id === id);
    const [item] = at < 0 ? [] : this.#items.splice(at, 1);
    if (item !== undefined) this.#bytes -= bytesOf(item);
    return item !== undefined;
  }
}

export function bytesOf(item: KeptItem): number {
  return Buffer.byteLength(JSON.stringify(item));
}

/** A response, as the request of the JSON API that it is. */
export function chatRequest(given: {
  readonly model: string;
  readonly wishes: SessionWishes;
  readonly items: readonly Item[];
}): object {
  const { instructions, tools, toolChoice, maxOutputTokens } = given.wishes;
  const system = instructions === "" ? [] : [{ role: "system", content: instructions }];
  return {
    model: given.model,
    stream: true,
    stream_options: { include_usage: true },
    messages: [...system, ...messagesOf(given.items)],
    ...(tools.length > 0 && { tools: tools.map(chatTool), tool_choice: chatChoice(toolChoice) }),
    ...(maxOutputTokens !== "inf" && { max_tokens: maxOutputTokens }),
  };
}

function chatTool({ name, description, parameters, strict }: Tool): object {
  return {
    type: "function",
    function: {
      name,
      ...(description !== undefined && { description }),
      ...(parameters !== undefined && { parameters }),
      ...(strict !== undefined && { strict }),
    },
  };
}

function chatChoice(choice: unknown): unknown {
  if (typeof choice === "string") return choice;
  return { type: "function", function: { name: (choice as { readonly name: string }).name } };
}

/** Calls that follow one another are one turn of the assistant's, with what it said before them. */
function messagesOf(items: readonly Item[]): readonly object[] {
  const messages: { role: string; content: string | null; tool_calls?: object[] }[] = [];
  for (const item of items) {
    if (item.type === "message") {
      const content = item.content.map(({ text }) => text).join("");
      messages.push({ role: item.role, content });
    } else if (item.type === "function_call") {
      const { call_id: id, name, arguments: args } = item;
      const call = { id, type: "function", function: { name, arguments: args } };
      const last = messages.at(-1);
      if (last?.role === "assistant") last.tool_calls = [...(last.tool_calls ?? []), call];
      else messages.push({ role: "assistant", content: null, tool_calls: [call] });
    } else {
      const result = { role: "tool", content: item.output, tool_call_id: item.call_id };
      messages.push(result);
    }
  }
  return messages;
}

import { isObject } from "./reading.ts";

/** What a piece of a tool call comes to in a stream whose blocks never interleave. */
export type ToolStep =
  | { readonly kind: "open"; readonly id: string; readonly name: string }
  | { readonly kind: "arguments"; readonly text: string };

interface Pending {
  readonly index: number;
  id: string;
  name: string;
  text: string;
}

/**
 * Brings tool calls into one row. Servers send them one after another, with few exceptions; where
 * a second one begins before the first one's arguments are whole, it waits until they are, or until
 * the end.
 */
export class ToolBlocks {
  #open: Pending | undefined;
  readonly #waiting: Pending[] = [];
  /** Those that are behind us; what still comes of them can only be blanks. */
  readonly #closed = new Set<number>();
  #begun = 0;

  /** The answer calls something. */
  get hasBegun(): boolean {
    return this.#begun > 0;
  }

  take(piece: unknown): readonly ToolStep[] {
    if (!isObject(piece)) return [];
    const index = typeof piece["index"] === "number" ? piece["index"] : 0;
    if (this.#closed.has(index)) return [];
    const definition = isObject(piece["function"]) ? piece["function"] : {};
    const given = {
      id: textIn(piece["id"]),
      name: textIn(definition["name"]),
      text: textIn(definition["arguments"]),
    };
    if (this.#open?.index === index) return this.#continue(this.#open, given.text);
    const waiting = this.#waiting.find((one) => one.index === index);
    if (waiting !== undefined) {
      waiting.id ||= given.id;
      waiting.name ||= given.name;
      waiting.text += given.text;
    } else this.#waiting.push({ index, ...given });
    return this.#open === undefined || isWhole(this.#open.text) ? this.#next() : [];
  }

  /** What still waits, at the end. */
  rest(): readonly ToolStep[] {
    const steps: ToolStep[] = [];
    while (this.#waiting.length > 0) steps.push(...this.#next());
    return steps;
  }

  #continue(open: Pending, text: string): readonly ToolStep[] {
    if (text === "") return [];
    open.text += text;
    return [{ kind: "arguments", text }];
  }

  #next(): readonly ToolStep[] {
    const next = this.#waiting.shift();
    if (next === undefined) return [];
    if (this.#open !== undefined) this.#closed.add(this.#open.index);
    this.#open = next;
    this.#begun += 1;
    const id = next.id === "" ? `toolu_${this.#begun}` : next.id;
    const opening: ToolStep = { kind: "open", id, name: next.name };
    return next.text === "" ? [opening] : [opening, { kind: "arguments", text: next.text }];
  }
}

function textIn(value: unknown): string {
  return typeof value === "string" ? value : "";
}

function isWhole(text: string): boolean {
  if (!text.endsWith("}")) return false;
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

import { endOf, readBlock, type StreamDialect, type StreamEnd } from "./event-block.ts";
import { EventSplitter } from "./event-splitter.ts";

/** What has to be done when a connection is over. */
export type Verdict =
  /** The caller has all of it. */
  | { readonly kind: "end" }
  /** Ask again, for what comes behind event `after`. */
  | { readonly kind: "ask"; readonly after: number }
  /**
   * Nobody can tell the rest. `told`: the server said so itself, in the stream; `unnumbered`: the
   * events have no numbers, so that the rest cannot be asked for.
   */
  | { readonly kind: "fail"; readonly why: "told" | "unnumbered" | "unfinished" };

/**
 * One answer in events, told over as many connections as it takes. The server numbers its events
 * from 1; each is passed on once, in order, whole, and none is left out. Pure.
 *
 * States: reading → reading (a connection broke, the next one was opened) … → whole, settled or
 * failed. Within a connection it may be unsound: the numbers do not fit together, so that nothing
 * more of this connection is believed.
 */
export class ResumingStream {
  readonly #dialect: StreamDialect;
  #splitter = new EventSplitter();
  #state: "reading" | StreamEnd = "reading";
  #isUnsound = false;
  /** Number of the last event that was passed on. */
  #last = 0;
  /** Events without a number were passed on. */
  #isUnnumbered = false;
  /** Orderly ends in a row that were no end of an answer, and brought nothing new. */
  #emptyEnds = 0;
  #hasProgressed = false;

  constructor(dialect: StreamDialect) {
    this.#dialect = dialect;
  }

  /** The number to go on behind. */
  get last(): number {
    return this.#last;
  }

  get isWhole(): boolean {
    return this.#state === "whole";
  }

  /** Nothing more of this connection is believed. */
  get isUnsound(): boolean {
    return this.#isUnsound;
  }

  /** Whether something new was passed on since the last connection began. */
  get hasProgressed(): boolean {
    return this.#hasProgressed;
  }

  /** A connection begins to tell. */
  opened(): void {
    this.#splitter = new EventSplitter();
    this.#isUnsound = false;
    this.#hasProgressed = false;
  }

  /** Takes what came, and gives what the caller is to be told of it: whole events, in order. */
  read(text: string): string {
    let told = "";
    for (const block of this.#splitter.add(text)) {
      if (this.#state !== "reading" || this.#isUnsound) break;
      told += this.#take(block);
    }
    return told;
  }

  #take(text: string): string {
    const block = readBlock(text);
    if (block.isEndedComment && this.#state === "reading") this.#state = "failed";
    if (block.isEmpty) return text;
    const end = endOf(this.#dialect, block);
    if (block.id === undefined) {
      // Only a refusal stands beside the numbered events of an answer.
      const isRefusal = end === "failed" || end === "settled";
      if (!isRefusal && this.#last > 0) return this.#doubt();
      if (!isRefusal) this.#isUnnumbered = true;
    } else {
      if (block.id <= this.#last) return "";
      if (block.id !== this.#last + 1 || this.#isUnnumbered) return this.#doubt();
      this.#last = block.id;
    }
    this.#hasProgressed = true;
    this.#emptyEnds = 0;
    if (end !== undefined) this.#state = end;
    return text;
  }

  #doubt(): string {
    this.#isUnsound = true;
    return "";
  }

  /** The connection ended as an answer does that is complete; it may be cut all the same. */
  ended(): Verdict {
    if (this.#state === "failed") return { kind: "fail", why: "told" };
    if (this.#state !== "reading" || this.#isEnd) return { kind: "end" };
    if (this.#isUnsound) return this.broke();
    if (this.#isUnnumbered) return { kind: "fail", why: "unfinished" };
    if (!this.#hasProgressed) this.#emptyEnds += 1;
    if (this.#emptyEnds >= emptyEndsMax) return { kind: "fail", why: "unfinished" };
    return this.broke();
  }

  /** Where nobody knows what the last event looks like, an orderly end is one. */
  get #isEnd(): boolean {
    return this.#dialect === "unknown" && !this.#isUnsound;
  }

  /** The connection was lost. */
  broke(): Verdict {
    if (this.#state === "failed" || this.#state === "settled") return { kind: "fail", why: "told" };
    if (this.#state === "whole") return { kind: "end" };
    if (this.#isUnnumbered) return { kind: "fail", why: "unnumbered" };
    return { kind: "ask", after: this.#last };
  }
}

const emptyEndsMax = 3;

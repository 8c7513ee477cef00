/** What a client of any transport can ask and is told, so that all are held to the same cases. */
import { promptHashOf, referenceText } from "@tandem/libs/testing";

export interface Ask {
  /** The API key; the target's own when absent. */
  readonly key?: string;
  readonly model?: string;
  readonly content: string;
  readonly maxTokens?: number;
  /** A value out of its range: a temperature of 3, or what the transport has like it. */
  readonly isOutOfRange?: boolean;
  /** Offers the weather tool, and wants it called. */
  readonly usesTool?: boolean;
  readonly isJson?: boolean;
  /** What a document has to be of. */
  readonly schema?: object;
  /** The tool that was called before, and what came of it. */
  readonly after?: {
    readonly call: { readonly name: string; readonly arguments: string };
    readonly result: string;
  };
}

export interface Answer {
  readonly text: string;
  readonly reasoning: string;
  readonly toolCalls: readonly { readonly name: string; readonly arguments: string }[];
  /** In the words of the canonical form. */
  readonly finishReasons: readonly string[];
  /** How it ended, in the transport's own words. */
  readonly told: string;
  readonly usage: Usage | undefined;
  readonly requestId: string;
}

export interface Usage {
  readonly prompt: number;
  readonly completion: number;
  /** Undefined where the transport does not tell it. */
  readonly reasoning: number | undefined;
  /** Decimal text. */
  readonly cost: string;
}

/** What the client learned of an error, in gRPC's sixteen words. */
export class Refusal extends Error {
  readonly code: string;
  /** The platform's own reason or the dialect's code: what programs branch on. */
  readonly reason: string;
  /** In the transport's own words, as short as can be. */
  readonly told: string;
  /** When coming back helps. */
  readonly retryAfterMs: number | undefined;
  readonly requestId: string;
  /** What had come before. */
  readonly partial: string;

  constructor(given: {
    readonly message: string;
    readonly code: string;
    readonly reason: string;
    readonly told: string;
    readonly retryAfterMs?: number | undefined;
    readonly requestId?: string;
    readonly partial?: string;
  }) {
    super(`${given.code} ${given.reason}: ${given.message}`);
    this.code = given.code;
    this.reason = given.reason;
    this.told = given.told;
    this.retryAfterMs = given.retryAfterMs;
    this.requestId = given.requestId ?? "";
    this.partial = given.partial ?? "";
  }
}

export interface Transport {
  readonly name: string;
  /** What the engine says to this, where it sees it as something else than a chat's one turn. */
  expected?(content: string, tokens: number): string;
  /** One answer in one piece; absent where the transport only streams. Rejects with `Refusal`. */
  whole?(ask: Ask, options?: Options): Promise<Answer>;
  /** Rejects with `Refusal` when the stream does not end whole. */
  stream?(ask: Ask, options?: Options): Promise<Answer>;
  /** It is accepted first: what its upstream says has no status, and no hint when to come back. */
  readonly tellsLater?: boolean;
  close?(): void | Promise<void>;
}

export interface Options {
  /** Of a stream: is given each piece. */
  readonly onText?: (text: string) => void;
  readonly signal?: AbortSignal;
}

/** What an engine answers to a chat of one turn. */
export function chatAnswer(content: string, tokens: number): string {
  return referenceText(promptHashOf([{ role: "user", text: content }]), tokens);
}

/** Joins the pieces of a stream. */
export class Joiner {
  text = "";
  reasoning = "";
  usage: Usage | undefined;
  /** Where it is not the finish reason. */
  told = "";
  readonly finishReasons: string[] = [];
  readonly #calls = new Map<number, { name: string; arguments: string }>();

  addCall(index: number, piece: { readonly name: string; readonly arguments: string }): void {
    const call = this.#calls.get(index) ?? { name: "", arguments: "" };
    call.name += piece.name;
    call.arguments += piece.arguments;
    this.#calls.set(index, call);
  }

  get hasCalls(): boolean {
    return this.#calls.size > 0;
  }

  finish(requestId: string): Answer {
    const { text, reasoning, usage, finishReasons } = this;
    return {
      ...{ text, reasoning, usage, finishReasons, requestId },
      told: this.told || (finishReasons[0] ?? ""),
      toolCalls: [...this.#calls.values()],
    };
  }
}

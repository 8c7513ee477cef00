/** What a client of any transport can ask and is told, so that all are held to the same cases. */

export interface Ask {
  /** The API key; the target's own when absent. */
  readonly key?: string;
  readonly model?: string;
  readonly content: string;
  readonly maxTokens?: number;
  readonly temperature?: number;
  /** Offers the weather tool, and wants it called. */
  readonly usesTool?: boolean;
  readonly isJson?: boolean;
}

export interface Answer {
  readonly text: string;
  readonly reasoning: string;
  readonly toolCalls: readonly { readonly name: string; readonly arguments: string }[];
  readonly finishReasons: readonly string[];
  readonly usage: Usage | undefined;
  readonly requestId: string;
}

export interface Usage {
  readonly prompt: number;
  readonly completion: number;
  readonly reasoning: number;
  /** Decimal text. */
  readonly cost: string;
}

/** What the client learned of an error, in gRPC's sixteen words. */
export class Refusal extends Error {
  readonly code: string;
  /** The platform's own reason or the dialect's code: what programs branch on. */
  readonly reason: string;
  /** When coming back helps. */
  readonly retryAfterMs: number | undefined;
  readonly requestId: string;
  /** What had come before. */
  readonly partial: string;

  constructor(given: {
    readonly message: string;
    readonly code: string;
    readonly reason: string;
    readonly retryAfterMs?: number | undefined;
    readonly requestId?: string;
    readonly partial?: string;
  }) {
    super(`${given.code} ${given.reason}: ${given.message}`);
    this.code = given.code;
    this.reason = given.reason;
    this.retryAfterMs = given.retryAfterMs;
    this.requestId = given.requestId ?? "";
    this.partial = given.partial ?? "";
  }
}

export interface Transport {
  readonly name: string;
  /** One answer in one piece; absent where the transport only streams. Rejects with `Refusal`. */
  whole?(ask: Ask, signal?: AbortSignal): Promise<Answer>;
  /** Calls `onText` with each piece. Rejects with `Refusal` when the stream does not end whole. */
  stream?(
    ask: Ask,
    options?: { readonly onText?: (text: string) => void; readonly signal?: AbortSignal },
  ): Promise<Answer>;
  close?(): void | Promise<void>;
}

/** Joins the pieces of a stream. */
export class Joiner {
  text = "";
  reasoning = "";
  usage: Usage | undefined;
  readonly finishReasons: string[] = [];
  readonly #calls = new Map<number, { name: string; arguments: string }>();

  addCall(index: number, piece: { readonly name: string; readonly arguments: string }): void {
    const call = this.#calls.get(index) ?? { name: "", arguments: "" };
    call.name += piece.name;
    call.arguments += piece.arguments;
    this.#calls.set(index, call);
  }

  finish(requestId: string): Answer {
    const { text, reasoning, usage, finishReasons } = this;
    return {
      ...{ text, reasoning, usage, finishReasons, requestId },
      toolCalls: [...this.#calls.values()],
    };
  }
}

import type { TokenUsage } from "../money/token-usage.ts";

/** Why a stream is of no use, in words for the log, and the error it carried if it carried one. */
export interface StreamFailure {
  /** `diverged`: it goes on with another text than the client has. */
  readonly kind: "error_event" | "malformed" | "incomplete" | "diverged";
  readonly detail: string;
  readonly error?: unknown;
}

/** Reads one upstream's stream and says which bytes go to the client. */
export interface AnswerReader {
  readonly failure: StreamFailure | undefined;
  /** The model has said something, whether or not a client was given it. */
  readonly hasSpoken: boolean;
  /** Empty until it came. */
  readonly finishReason: string;
  /** As the upstream counted; undefined when it has not said. */
  readonly usage: TokenUsage | undefined;
  /** Finish reason and `[DONE]` have come. */
  readonly isComplete: boolean;
  /** Nothing more is wanted, though the upstream may go on. */
  readonly isSatisfied: boolean;
  /**
   * What the bytes that were given last say, where they are one event that brings words and
   * nothing else: as they are, and as JSON has them between quotes, which for these is the same.
   */
  readonly words: string | undefined;
  /** The same for events with `words` that are alike in everything else, and for no others. */
  readonly likeness: symbol | undefined;
  /** Bytes for the client, all of whole events; undefined when there are none yet. */
  push(chunk: Buffer): Buffer | undefined;
  /** The body has ended as its framing has it. */
  end(): void;
  /** The last events: finish reason with usage, and `[DONE]`. `usageJson` as JSON. */
  closing(usageJson: string): Buffer;
}

import { readUsage, type TokenUsage } from "../money/token-usage.ts";
import type { AnswerReader } from "../stream/answer-reader.ts";
import { readEvent, splitEvents } from "../stream/server-event.ts";

/** The end of an answer that the client has already, all but perhaps the last word of it. Pure. */
export class GivenEnd implements AnswerReader {
  readonly words = undefined;
  readonly likeness = undefined;
  readonly failure = undefined;
  readonly hasSpoken = true;
  readonly isComplete = true;
  readonly isSatisfied = true;
  readonly finishReason: string;
  readonly usage: TokenUsage | undefined;
  readonly #isDone: boolean;

  constructor(sent: Buffer) {
    let usage: TokenUsage | undefined;
    let reason = "";
    let isDone = false;
    for (const text of splitEvents(sent)) {
      const event = readEvent(text);
      isDone ||= event.kind === "done";
      if (event.kind !== "json") continue;
      const chunk = event.value as {
        readonly usage?: unknown;
        readonly choices?: readonly { readonly finish_reason?: string | null }[];
      };
      usage = readUsage(chunk.usage) ?? usage;
      reason = chunk.choices?.find((choice) => choice.finish_reason)?.finish_reason ?? reason;
    }
    this.usage = usage;
    this.finishReason = reason;
    this.#isDone = isDone;
  }

  push(): Buffer | undefined {
    return undefined;
  }

  end(): void {}

  closing(): Buffer {
    return Buffer.from(this.#isDone ? "" : "data: [DONE]\n\n");
  }
}

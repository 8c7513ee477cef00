import { likelyPromptTokens } from "../core/money/prompt-estimate.ts";
import type { TokenUsage } from "../core/money/token-usage.ts";
import type { GenerationRequest } from "../core/request/generation-request.ts";
import { spliceFacts } from "../core/splice/splice-facts.ts";
import { SpliceTally } from "../core/splice/splice-tally.ts";
import { Splicer } from "../core/splice/splicer.ts";
import type { LiveTarget } from "./live-upstream.ts";

/** Of a broken stream, beyond what its call has: how it is gone on with, and what that took. */
export class Splice {
  readonly splicer: Splicer;
  readonly tally: SpliceTally;
  /** Refused to go on with an answer, which it will do again. */
  readonly refused = new Set<LiveTarget>();
  /** Broke while it answered, or did not answer. */
  readonly failed = new Set<LiveTarget>();
  /** Came to another text when it was to say the last word again. */
  readonly diverged = new Set<LiveTarget>();
  /** Continuations that the client was given words of. */
  resumed = 0;
  /** Of the monotonic clock: the last word at which somebody noticed the break. */
  brokenAtMs: number;
  /** The longest time from a break to the next word. */
  seamMsMax = 0;
  #hasBegun: boolean = false;

  constructor(
    request: GenerationRequest,
    given: {
      readonly tokensMax: number | undefined;
      /** Of its prompt, where somebody counted them. */
      readonly promptTokens: number | undefined;
      readonly resumesMax: number;
      readonly nowMs: number;
    },
  ) {
    const { tokensMax = Number.POSITIVE_INFINITY } = given;
    const limit = Math.min(request.maxTokens ?? Number.POSITIVE_INFINITY, tokensMax);
    this.brokenAtMs = given.nowMs;
    this.splicer = new Splicer(spliceFacts(request), {
      resumesMax: given.resumesMax,
      tokensMax: limit === Number.POSITIVE_INFINITY ? undefined : limit,
    });
    this.tally = new SpliceTally(given.promptTokens ?? likelyPromptTokens(request.prompt));
  }

  /** Counts what the client had at the first break; later ones are counted as they go. */
  count(): void {
    if (this.#hasBegun) return;
    this.#hasBegun = true;
    this.tally.begin(this.splicer.committed.choices);
  }

  /** What the client used, once anything was counted. */
  get usage(): TokenUsage | undefined {
    return this.#hasBegun ? this.tally.usage : undefined;
  }
}

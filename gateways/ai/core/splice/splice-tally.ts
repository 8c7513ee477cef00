import { likelyTextTokens } from "../money/prompt-estimate.ts";
import type { TokenUsage } from "../money/token-usage.ts";
import { type AssembledChoice, generatedBytes } from "../stream/assemble-answer.ts";

/** One continuation as it went. */
export interface ContinuedPart {
  /** As its server counted; undefined when it broke before it said. */
  readonly usage: TokenUsage | undefined;
  /** Events with text that came. */
  readonly pieces: number;
  /** Tokens of them that the client had already. */
  readonly againTokens: number;
  /** Tokens of the answer that its prompt held. */
  readonly prefixTokens: number;
}

/**
 * What a client of a broken and continued answer has used: its prompt once, and what it was given
 * once. A continuation's server counts the answer so far as part of its prompt; what that costs
 * beyond an answer in one piece is ours to pay, and stands in `extra`. Pure.
 */
export class SpliceTally {
  readonly #likelyPromptTokens: number;
  #input: number | undefined;
  #cachedInput = 0;
  #output = 0;
  #reasoning = 0;
  #extraInput = 0;
  #extraOutput = 0;

  constructor(likelyPromptTokens: number) {
    this.#likelyPromptTokens = likelyPromptTokens;
  }

  /** What the client had when it broke for the first time. */
  begin(choices: readonly AssembledChoice[]): void {
    for (const choice of choices) {
      this.#output += tokensOf(choice);
      if (choice.content + choice.text === "") this.#reasoning += tokensOf(choice);
    }
  }

  add({ usage, pieces, againTokens, prefixTokens }: ContinuedPart): void {
    const kept = prefixTokens - againTokens;
    if (usage === undefined) {
      this.#output += Math.max(0, pieces - againTokens);
      this.#extraInput += (this.#input ?? this.#likelyPromptTokens) + kept;
    } else {
      // What came is counted by its events: where a text has far fewer tokens than it had events,
      // nothing would be left of the prompt, and no prompt is for nothing.
      const judged = usage.inputTokens - kept;
      this.#input = judged > 0 ? judged : this.#likelyPromptTokens;
      this.#cachedInput = Math.min(usage.cachedInputTokens, this.#input);
      this.#output += Math.max(0, usage.outputTokens - againTokens);
      this.#reasoning += usage.reasoningTokens;
      this.#extraInput += usage.inputTokens;
    }
    this.#extraOutput += againTokens;
  }

  get usage(): TokenUsage {
    return {
      inputTokens: this.#input ?? this.#likelyPromptTokens,
      cachedInputTokens: this.#cachedInput,
      outputTokens: this.#output,
      reasoningTokens: Math.min(this.#reasoning, this.#output),
      isEstimated: true,
    };
  }

  /** What upstreams counted beyond that. */
  get extra(): TokenUsage {
    return {
      inputTokens: this.#extraInput,
      cachedInputTokens: 0,
      outputTokens: this.#extraOutput,
      reasoningTokens: 0,
      isEstimated: true,
    };
  }
}

/** Servers that guess ahead send several tokens at once, but hardly more than this. */
const tokensAnEventMax = 8;

/**
 * Tokens of what was sent. Most servers send one an event, and none sends less; where far fewer
 * events came than the text must have tokens, the text decides.
 */
export function tokensOf(choice: AssembledChoice): number {
  const likely = likelyTextTokens(generatedBytes({ choices: [choice] }));
  return choice.pieces * tokensAnEventMax >= likely ? choice.pieces : likely;
}

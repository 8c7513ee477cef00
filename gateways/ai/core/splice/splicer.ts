import type { AssembledChoice } from "../stream/assemble-answer.ts";
import { type Committed, readCommitted, spokenText } from "./committed.ts";
import {
  type ContinuationForm,
  type ContinuationNeed,
  canContinue,
  planPrefix,
} from "./continuation-form.ts";
import { type ContinuationOptions, ContinuationReader } from "./continuation-reader.ts";
import type { SpliceFacts } from "./splice-facts.ts";
import { tokensOf } from "./splice-tally.ts";

export interface SpliceLimits {
  /** Breaks that are gone on from; the next one ends the answer. */
  readonly resumesMax: number;
  /** The most tokens of each choice; undefined where nothing bounds them. */
  readonly tokensMax: number | undefined;
}

/** What is there when a stream breaks. */
export interface BrokenStream {
  /** All that the client was sent, in whole events. */
  readonly sent: Buffer;
  /** Nothing of it was given up for being too long. */
  readonly isWhole: boolean;
  /** The finish reason that came and was kept back; empty when none did. */
  readonly heldFinish: string;
  /** The answer may go on for as long as this. */
  readonly isInTime: boolean;
}

/**
 * What to do about a broken stream.
 * - `complete`: it said all it had to say, and broke on its last bytes.
 * - `continue`: somebody has to go on, who can do what is needed.
 * - `finish`: its tokens are used up; it ends as it would have, without a call.
 * - `end`: nobody can, and the client has to be told; `why` is for the log.
 */
export type Verdict =
  | { readonly kind: "complete" }
  | { readonly kind: "continue"; readonly choice: OpenChoice }
  | { readonly kind: "finish"; readonly choice: OpenChoice }
  | { readonly kind: "end"; readonly why: string };

/** A choice that has not come to its end. */
export interface OpenChoice {
  readonly index: number;
  readonly committed: AssembledChoice | undefined;
  readonly need: ContinuationNeed;
  /** Tokens that may still come; undefined where nothing bounds them. */
  readonly tokensLeft: number | undefined;
  /** It is the last one: the answer ends with it. */
  readonly isLast: boolean;
}

/** How a server's stream differs from the canonical one. */
export type Speech = Pick<ContinuationOptions, "reasoningKey" | "foreign">;

/** How to ask for the rest, and how to read it. */
export interface Continuation {
  readonly reader: ContinuationReader;
  /** The answer so far, as it is to be sent; with the client's own beginning before it. */
  readonly text: string;
  readonly reasoning: string;
  readonly isBegun: boolean;
  /** Tokens to ask for, those that are said again included. */
  readonly tokensMax: number | undefined;
  /** Tokens of the client's text that are said again. */
  readonly againTokens: number;
}

/**
 * Goes on with broken answers: what the client has is read from what it was sent, and somebody else
 * is asked for the rest, as often as it breaks again, within limits. Pure; used when an upstream
 * breaks and, with the bytes the router kept, when another gateway replica did.
 */
export class Splicer {
  readonly #facts: SpliceFacts;
  readonly #limits: SpliceLimits;
  #breaks = 0;
  #committed: Committed = { head: {}, choices: [] };

  constructor(facts: SpliceFacts, limits: SpliceLimits) {
    this.#facts = facts;
    this.#limits = limits;
  }

  get breaks(): number {
    return this.#breaks;
  }

  /** As it was when the stream broke last. */
  get committed(): Committed {
    return this.#committed;
  }

  broke(stream: BrokenStream): Verdict {
    this.#breaks += 1;
    if (stream.heldFinish !== "" && this.#facts.choices === 1) return { kind: "complete" };
    if (!stream.isWhole) return end("more was sent than is kept");
    this.#committed = readCommitted(stream.sent);
    if (this.#breaks > this.#limits.resumesMax) return end(`it broke ${this.#breaks} times`);
    if (!stream.isInTime) return end("its time is over");
    return this.#verdict();
  }

  /** A choice has come to its end: the next one, or nothing is left. */
  finishedChoice(sent: Buffer): Verdict {
    this.#committed = readCommitted(sent);
    return this.#verdict();
  }

  #verdict(): Verdict {
    const { choices, openText, echoed } = this.#facts;
    const done = this.#committed.choices;
    const open = Array.from({ length: choices }, (_, index) => index).filter(
      (index) => (done.find((choice) => choice.index === index)?.finishReason ?? "") === "",
    );
    const [index] = open;
    if (index === undefined) return { kind: "complete" };
    if (done.some(({ toolCalls }) => toolCalls.length > 0)) return end("a tool call was sent");
    if (openText === undefined) return end("its prompt is no text");
    if (done.some(({ text }) => !text.startsWith(echoed))) return end("its echo is not complete");
    const choice = this.#openChoice(index, open.length === 1);
    return { kind: choice.tokensLeft === 0 ? "finish" : "continue", choice };
  }

  #openChoice(index: number, isLast: boolean): OpenChoice {
    const { isChat, isJson } = this.#facts;
    const { tokensMax } = this.#limits;
    const committed = this.#committed.choices.find((choice) => choice.index === index);
    const isContent = spokenText(committed) !== "";
    const reasoning = committed?.reasoning ?? "";
    return {
      index,
      committed,
      need: {
        isChat,
        isBegun: isContent || reasoning !== "",
        isReasoning: !isContent && reasoning !== "",
        isJson,
      },
      tokensLeft:
        tokensMax === undefined
          ? undefined
          : Math.max(0, tokensMax - (committed === undefined ? 0 : tokensOf(committed))),
      isLast,
    };
  }

  /** Whether an upstream of this form can go on with it, and is the same model where it has to be. */
  suits({ need }: OpenChoice, target: { form: ContinuationForm; isSameModel: boolean }): boolean {
    if (this.#facts.hasTools && need.isBegun && !target.isSameModel) return false;
    return canContinue(target.form, need);
  }

  /** `mayBackUp`: false once it was tried and came to another text. */
  plan(
    choice: OpenChoice,
    given: {
      readonly form: ContinuationForm;
      readonly speech: Speech;
      readonly mayBackUp: boolean;
    },
  ): Continuation {
    const { isGreedy, hasLogprobs, openText = "" } = this.#facts;
    const { committed, need, tokensLeft } = choice;
    const text = spokenText(committed);
    const mayBackUp = given.mayBackUp && !hasLogprobs;
    const { prefix, overlap } = planPrefix(text, given.form, { isGreedy, mayBackUp });
    const isBegun = prefix !== "" || need.isReasoning;
    const againTokens = overlap === "" ? 0 : 1;
    return {
      reader: this.#reader(choice, overlap, given.speech),
      text: openText + prefix,
      reasoning: isBegun ? (committed?.reasoning ?? "") : "",
      isBegun,
      tokensMax: tokensLeft === undefined ? undefined : tokensLeft + againTokens,
      againTokens,
    };
  }

  /** The end of a choice whose tokens are used up. */
  finished(choice: OpenChoice): ContinuationReader {
    const reader = this.#reader(choice, "", { reasoningKey: undefined });
    reader.finishWith("length");
    return reader;
  }

  #reader({ index, committed }: OpenChoice, overlap: string, speech: Speech): ContinuationReader {
    const { isChat, stops, openText } = this.#facts;
    // What goes on from a beginning of the client's own is no JSON by itself.
    const isJson = this.#facts.isJson && openText === "";
    return new ContinuationReader({
      ...speech,
      overlap,
      head: this.#committed.head,
      object: isChat ? "chat.completion.chunk" : "text_completion",
      index,
      hasRole: committed !== undefined,
      committed: spokenText(committed),
      stops,
      isJson,
    });
  }
}

function end(why: string): Verdict {
  return { kind: "end", why };
}

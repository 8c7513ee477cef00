/** One row of the matrix, and what every row asserts with. */
import assert from "node:assert/strict";
import { freshPrompt } from "../prompt.ts";
import type { Target } from "../target.ts";
import { type Answer, type Ask, type Options, Refusal } from "./transport.ts";

export type Mode = "whole" | "stream";

export interface Case {
  readonly key: string;
  /** The row's title. */
  readonly title: string;
  readonly modes: readonly Mode[];
  /** Whether it means something where vectors are given. */
  readonly of: "words" | "all";
  /** It takes its time: begun before all others, and on every transport at once. */
  readonly isSlow?: boolean;
  /** Asserts what has to be so; what the client was told is the matrix' cell. */
  run(one: Asking, target: Target): Promise<string>;
}

/** A transport's one side, whichever the case runs on. */
export interface Asking {
  readonly name: string;
  readonly mode: Mode;
  readonly gives: "words" | "vectors";
  readonly models: Models;
  /** See `Transport`. */
  readonly tellsLater: boolean;
  ask(ask: Ask, options?: Options): Promise<Answer>;
  /** A whole answer on the same transport. */
  askWhole(ask: Ask): Promise<Answer>;
  /** What the engine says to this. */
  expected(content: string, tokens: number): string;
  /** A chat over plain JSON: what the others are measured by. */
  readonly plain: (ask: Ask) => Promise<Answer>;
}

/** By what is behind them. */
export interface Models {
  readonly usual: string;
  /** On two upstreams, of which the first that is asked can be made to fail. */
  readonly pair: string;
  /** On an upstream that begins, and falls silent. */
  readonly stalling: string;
}

export const both: readonly Mode[] = ["whole", "stream"];

export async function refused(
  asked: Promise<unknown>,
  ...codes: readonly string[]
): Promise<Refusal> {
  let refusal: Refusal | undefined;
  await assert.rejects(asked, (error) => {
    assert.ok(error instanceof Refusal, String(error));
    assert.ok(codes.includes(error.code), `${error.code}: ${error.message}`);
    refusal = error;
    return true;
  });
  assert.ok(refusal);
  return refusal;
}

/** The next call is well, once the upstream that failed is trusted again. */
export async function backToNormal(one: Asking): Promise<void> {
  const deadlineMs = performance.now() + 15_000;
  for (;;) {
    const { content } = freshPrompt(4);
    try {
      const { text } = await one.ask({ content, model: one.models.usual });
      assert.equal(text, one.expected(content, 4));
      return;
    } catch (error) {
      if (!(error instanceof Refusal) || performance.now() > deadlineMs) throw error;
      await pause(100);
    }
  }
}

/** What is known of a request afterwards, as soon as it is. */
export async function recordOf(
  target: Target,
  requestId: string,
): Promise<{ readonly phases: readonly string[]; readonly charged: string }> {
  const deadlineMs = performance.now() + 10_000;
  for (;;) {
    const record = await target.recordOf(requestId);
    if (record !== undefined) return record;
    assert.ok(performance.now() < deadlineMs, `no record of ${requestId}`);
    await pause(50);
  }
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, milliseconds);
  });
}

export function quoted(word: string): string {
  return `\`${word}\``;
}

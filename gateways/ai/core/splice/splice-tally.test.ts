import assert from "node:assert/strict";
import { test } from "node:test";
import type { AssembledChoice } from "../stream/assemble-answer.ts";
import { SpliceTally, tokensOf } from "./splice-tally.ts";

const choice: AssembledChoice = {
  index: 0,
  content: "two riders one machine",
  reasoning: "",
  text: "",
  finishReason: "",
  toolCalls: [],
  logprobs: [],
  pieces: 4,
};

function usage(inputTokens: number, outputTokens: number, cachedInputTokens = 0) {
  const reasoningTokens = 0;
  return { inputTokens, outputTokens, cachedInputTokens, reasoningTokens, isEstimated: false };
}

test("the client pays its prompt once and what it was given once; the replay is ours", () => {
  const tally = new SpliceTally(90);
  tally.begin([choice]);
  tally.add({ usage: usage(104, 6, 80), pieces: 6, againTokens: 0, prefixTokens: 4 });
  assert.deepEqual(
    [tally.usage.inputTokens, tally.usage.outputTokens, tally.usage.cachedInputTokens],
    [100, 10, 80],
  );
  assert.deepEqual([tally.extra.inputTokens, tally.extra.outputTokens], [104, 0]);
});

test("a text with fewer tokens than events costs its prompt all the same", () => {
  const tally = new SpliceTally(90);
  tally.begin([{ ...choice, pieces: 400, content: "word ".repeat(200) }]);
  tally.add({ usage: usage(300, 6, 80), pieces: 6, againTokens: 0, prefixTokens: 400 });
  assert.deepEqual([tally.usage.inputTokens, tally.usage.cachedInputTokens], [90, 80]);
});

test("a word that was said again is paid once", () => {
  const tally = new SpliceTally(90);
  tally.begin([choice]);
  tally.add({ usage: usage(103, 7), pieces: 7, againTokens: 1, prefixTokens: 4 });
  assert.deepEqual([tally.usage.inputTokens, tally.usage.outputTokens], [100, 10]);
  assert.deepEqual([tally.extra.inputTokens, tally.extra.outputTokens], [103, 1]);
});

test("a continuation that broke before it counted is paid by what came of it", () => {
  const tally = new SpliceTally(90);
  tally.begin([choice]);
  tally.add({ usage: undefined, pieces: 3, againTokens: 0, prefixTokens: 4 });
  tally.add({ usage: usage(107, 5), pieces: 5, againTokens: 0, prefixTokens: 7 });
  assert.deepEqual([tally.usage.inputTokens, tally.usage.outputTokens], [100, 12]);
  assert.equal(tally.extra.inputTokens, 94 + 107);
});

test("few events with a long text are counted by the text", () => {
  assert.equal(tokensOf(choice), 4);
  assert.equal(tokensOf({ ...choice, pieces: 1, content: "word ".repeat(40) }), 60);
});

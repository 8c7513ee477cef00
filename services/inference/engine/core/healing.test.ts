import assert from "node:assert/strict";
import { test } from "node:test";
import { afterToken, agreeingTokens, beforeLastWord } from "./healing.ts";

const vocabulary = ["a", " two", " ri", "ders", " rid", "\ufffd", " ", ""];
const textOf = (token: number): string => vocabulary[token] ?? "";

test("the last word is taken back, up to the token that brought its blank", () => {
  assert.deepEqual(beforeLastWord([0, 1, 2, 3], textOf), { kept: [0, 1], again: " riders" });
});

test("a text of one word is taken back whole", () => {
  assert.deepEqual(beforeLastWord([0, 3], textOf), { kept: [], again: "aders" });
});

test("where the last token is no whole character nothing is taken back", () => {
  assert.deepEqual(beforeLastWord([0, 5], textOf), { kept: [0, 5], again: "" });
});

test("of an endless word only the last token is taken back", () => {
  const tokens = Array.from({ length: 60 }, () => 0);
  const { kept, again } = beforeLastWord(tokens, textOf);
  assert.equal(kept.length, 59);
  assert.equal(again, "a");
});

test("tokens agree that begin the text, or that it begins", () => {
  assert.deepEqual(agreeingTokens(vocabulary, " ride"), [2, 4, 6]);
  assert.deepEqual(agreeingTokens(vocabulary, " r"), [2, 4, 6]);
});

test("what a token says beyond the text comes out, what it leaves is drawn next", () => {
  assert.deepEqual(afterToken(" riders", " rid"), { again: "ers", beyond: "" });
  assert.deepEqual(afterToken(" ri", " rid"), { again: "", beyond: "d" });
  assert.deepEqual(afterToken(" rid", " rid"), { again: "", beyond: "" });
});

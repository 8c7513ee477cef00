import assert from "node:assert/strict";
import { test } from "node:test";
import { areAllCut, decodeWord, encodeWord } from "./vouching.ts";

const cut = { isCut: true, sequence: 7n };

test("nothing is vouched for while somebody may write, or says nothing, or has read further", () => {
  assert.ok(areAllCut([cut, cut], 7n));
  assert.ok(areAllCut([], 7n), "whoever is alone knows what everybody knows");
  assert.ok(!areAllCut([cut, { ...cut, isCut: false }], 7n));
  assert.ok(!areAllCut([cut, undefined], 7n));
  assert.ok(!areAllCut([cut, { ...cut, sequence: 8n }], 7n));
});

test("a word comes back as it was said, and nonsense is none", () => {
  for (const word of [cut, { isCut: false, sequence: 0n }]) {
    assert.deepEqual(decodeWord(encodeWord(word)), word);
  }
  for (const text of ["", "cut", "cut -1", "reads 1 2", "gone 3"]) {
    assert.equal(decodeWord(text), undefined);
  }
});

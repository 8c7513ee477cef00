import assert from "node:assert/strict";
import { test } from "node:test";
import { StopText } from "./stop-text.ts";

function pass(pieces: readonly string[], stops: readonly string[]): string {
  const stop = new StopText(stops);
  let out = "";
  for (const piece of pieces) out += stop.push(piece);
  return stop.isStopped ? out : out + stop.rest();
}

test("a stop string is found however the text is cut, and never passed on", () => {
  const text = "one two ### three";
  for (let first = 0; first <= text.length; first += 1) {
    for (let second = first; second <= text.length; second += 1) {
      const pieces = [text.slice(0, first), text.slice(first, second), text.slice(second)];
      assert.equal(pass(pieces, ["###", "zzz"]), "one two ", `${first}/${second}`);
    }
  }
});

test("what only looked like the beginning of one is passed on whole", () => {
  const text = "a # b ## c";
  assert.equal(pass([...text], ["###"]), text);
});

test("of several the one that begins first ends the text", () => {
  assert.equal(pass(["abcdef"], ["ef", "cd"]), "ab");
});

test("nothing is held back longer than it may be a stop string", () => {
  const stop = new StopText(["END"]);
  assert.equal(stop.push("xE"), "x");
  assert.equal(stop.push("N"), "");
  assert.equal(stop.push("x"), "ENx");
});

test("an empty stop string does not end everything", () => {
  assert.equal(pass(["abc"], [""]), "abc");
});

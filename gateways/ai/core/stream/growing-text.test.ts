import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { GrowingText } from "./growing-text.ts";

test("a text is what its pieces come to", () => {
  const pieces = fc.array(fc.string({ unit: "grapheme", maxLength: 400 }));
  fc.assert(
    fc.property(pieces, (given) => {
      const text = new GrowingText();
      for (const piece of given) text.add(piece);
      assert.equal(text.toString(), given.join(""));
    }),
  );
});

test("a character whose halves come apart is whole again", () => {
  const text = new GrowingText();
  const given = "a😀b😀";
  for (let at = 0; at < given.length; at += 1) text.add(given[at] ?? "");
  assert.equal(text.toString(), given);
  text.add("\ud83d");
  assert.equal(text.toString(), `${given}\ud83d`);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  continueAfter,
  jsonPieces,
  promptHashOf,
  referenceText,
  referenceTokens,
  stopAt,
  textPieces,
} from "./reference-text.ts";

const hash = promptHashOf([{ role: "user", text: "Bonjour" }]);

test("the answer depends on the prompt and the position only", () => {
  assert.equal(referenceText(hash, 20), referenceText(hash, 20));
  assert.ok(referenceText(hash, 30).startsWith(referenceText(hash, 20)));
  const other = promptHashOf([{ role: "system", text: "Bonjour" }]);
  assert.notEqual(referenceText(hash, 20), referenceText(other, 20));
});

test("moving text from one turn to the next changes the prompt", () => {
  const together = promptHashOf([{ role: "user", text: "ab" }]);
  const apart = promptHashOf([
    { role: "user", text: "a" },
    { role: "user", text: "b" },
  ]);
  assert.notEqual(together, apart);
});

test("answers use characters of one to four bytes", () => {
  const text = referenceText(hash, 400);
  const sizes = new Set(Array.from(text, (character) => Buffer.byteLength(character)));
  assert.deepEqual([...sizes].sort(), [1, 2, 3, 4]);
});

test("a continuation from every possible prefix completes the reference exactly", () => {
  for (const pieces of [referenceTokens(hash, 60), jsonPieces(hash, 20)]) {
    const text = pieces.join("");
    for (let cut = 0; cut <= text.length; cut += 1) {
      const prefix = text.slice(0, cut);
      assert.equal(prefix + continueAfter(pieces, prefix).join(""), text, `cut at ${cut}`);
    }
  }
});

test("a prefix of the caller's own is continued, and so is what came after it", () => {
  const pieces = referenceTokens(hash, 20);
  const own = "```python\n";
  assert.equal(continueAfter(pieces, own).join(""), pieces.join(""));
  const delivered = pieces.slice(0, 7).join("");
  assert.equal(continueAfter(pieces, own + delivered).join(""), pieces.slice(7).join(""));
});

test("a stop string ends the text before itself, also across pieces", () => {
  assert.deepEqual(stopAt(["ab", "cd", "ef"], ["de", "x"]), {
    pieces: ["ab", "c"],
    stopped: true,
  });
  assert.deepEqual(stopAt(["ab"], ["x", ""]), { pieces: ["ab"], stopped: false });
});

test("pieces never split a character", () => {
  const text = "🙂🚲日本語abc";
  assert.equal(textPieces(text, 2).join(""), text);
  for (const piece of textPieces(text, 1)) {
    assert.equal(Buffer.from(piece).toString(), piece);
  }
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { BodyPile } from "./body-pile.ts";

test("a body that comes byte by byte is kept in few pieces, in its order", () => {
  const pile = new BodyPile();
  const body = Buffer.from(Array.from({ length: 10_000 }, (_, at) => at % 251));
  for (let at = 0; at < 5_000; at += 1) pile.add(body.subarray(at, at + 1));
  pile.add(body.subarray(5_000, 9_000));
  for (let at = 9_000; at < 10_000; at += 10) pile.add(body.subarray(at, at + 10));
  assert.ok(pile.pieces.length < 400, `${pile.pieces.length} pieces`);
  assert.deepEqual(pile.whole(), body);
  pile.clear();
  assert.equal(pile.whole(), undefined);
});

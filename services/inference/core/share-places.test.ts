import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { sharePlaces } from "./share-places.ts";

test("what one holder does not want goes to those who do", () => {
  const shares = sharePlaces(
    10,
    new Map([
      ["ai-1", 2],
      ["ai-2", 50],
    ]),
  );
  assert.deepEqual([...shares].sort(), [
    ["ai-1", 2],
    ["ai-2", 8],
  ]);
});

test("shares never exceed the places, nor the wish, and waste nothing that is wanted", () => {
  const wishes = fc.dictionary(fc.string({ minLength: 1 }), fc.nat(100));
  fc.assert(
    fc.property(fc.nat(200), wishes, (places, wanted) => {
      const asked = new Map(Object.entries(wanted));
      const shares = sharePlaces(places, asked);
      const given = [...shares.values()].reduce((sum, share) => sum + share, 0);
      const wish = [...asked.values()].reduce((sum, want) => sum + want, 0);
      assert.equal(given, Math.min(places, wish));
      for (const [holder, share] of shares) assert.ok(share <= (asked.get(holder) ?? 0));
    }),
  );
});

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { decideSlice, type Room } from "./slice.ts";

const wallet = (remainingNanos: bigint): Room => ({
  source: "wallet",
  remainingNanos,
  resetsAtMs: 0,
});
const nanos = fc.bigInt(0n, 10n ** 15n);
const rooms = fc.array(
  fc.record({
    source: fc.constantFrom("wallet", "organisation", "key"),
    remainingNanos: fc.bigInt(-(10n ** 12n), 10n ** 15n),
    resetsAtMs: fc.constant(0),
  }) as fc.Arbitrary<Room>,
  { minLength: 1, maxLength: 5 },
);

test("a slice fits into every room, and is never more than needed or one hundredth", () => {
  fc.assert(
    fc.property(rooms, nanos, nanos, nanos, (given, neededNanos, leastNanos, stockNanos) => {
      const { grantNanos } = decideSlice({ rooms: given, neededNanos, leastNanos, stockNanos });
      const room = given.reduce(
        (least, { remainingNanos }) => (remainingNanos < least ? remainingNanos : least),
        10n ** 15n,
      );
      assert.ok(grantNanos >= 0n);
      assert.ok(grantNanos === 0n || grantNanos <= room);
      const hundredth = room / 100n;
      assert.ok(grantNanos <= (neededNanos > hundredth ? neededNanos : hundredth));
    }),
  );
});

test("whoever needs nothing gets nothing", () => {
  const decision = decideSlice({
    rooms: [wallet(1_000_000n)],
    neededNanos: 0n,
    leastNanos: 0n,
    stockNanos: 0n,
  });
  assert.deepEqual(decision, { grantNanos: 0n, shortOf: undefined, isScarce: false });
});

test("with plenty left the stock is filled to one hundredth, once", () => {
  const request = { rooms: [wallet(1_000_000n)], neededNanos: 5n, leastNanos: 5n };
  assert.equal(decideSlice({ ...request, stockNanos: 0n }).grantNanos, 10_000n);
  assert.equal(decideSlice({ ...request, stockNanos: 9_990n }).grantNanos, 10n);
  assert.equal(decideSlice({ ...request, stockNanos: 10_000n }).grantNanos, 5n);
});

test("below twenty slices nothing is granted for stock, and the holder is told so", () => {
  const decision = decideSlice({
    rooms: [wallet(1_000n)],
    neededNanos: 51n,
    leastNanos: 51n,
    stockNanos: 0n,
  });
  assert.deepEqual(decision, { grantNanos: 51n, shortOf: undefined, isScarce: true });
});

test("what falls short is named, and a useless rest stays where it is", () => {
  const budget: Room = { source: "key", remainingNanos: 30n, resetsAtMs: 7 };
  const request = { rooms: [wallet(1_000n), budget], neededNanos: 100n, stockNanos: 0n };
  const useful = decideSlice({ ...request, leastNanos: 20n });
  assert.deepEqual(useful, { grantNanos: 30n, shortOf: budget, isScarce: true });
  assert.equal(decideSlice({ ...request, leastNanos: 40n }).grantNanos, 0n);
  const overspent = decideSlice({ ...request, rooms: [wallet(-5n)], leastNanos: 0n });
  assert.equal(overspent.grantNanos, 0n);
});

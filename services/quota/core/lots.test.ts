import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { expiredParts, type Lot, LotQueue } from "./lots.ts";

const lot = (id: string, remainingNanos: bigint, rest: Partial<Lot> = {}): Lot => ({
  id,
  kind: "granted",
  remainingNanos,
  expiresAtMs: undefined,
  ...rest,
});

test("credit is used soonest to expire first, then granted, then purchased, then oldest", () => {
  const queue = new LotQueue([
    lot("grt_4", 1n, { kind: "purchased" }),
    lot("grt_3", 1n),
    lot("grt_2", 1n),
    lot("grt_1", 1n, { kind: "purchased", expiresAtMs: 20 }),
    lot("grt_5", 1n, { expiresAtMs: 10 }),
    lot("grt_0", 0n, { expiresAtMs: 1 }),
  ]);
  const order = queue.use(5n).map(({ lotId }) => lotId);
  assert.deepEqual(order, ["grt_5", "grt_1", "grt_2", "grt_3", "grt_4"]);
});

test("a batch of charges uses exactly what it charges, and each lot at most once whole", () => {
  const amounts = fc.array(fc.bigInt(0n, 1_000n), { maxLength: 20 });
  fc.assert(
    fc.property(amounts, amounts, (sizes, charges) => {
      const total = sizes.reduce((sum, size) => sum + size, 0n);
      const queue = new LotQueue(sizes.map((size, index) => lot(`grt_${index}`, size)));
      const used = new Map<string, bigint>();
      let charged = 0n;
      for (const charge of charges) {
        if (charged + charge > total) {
          assert.throws(() => queue.use(charge), RangeError);
          return;
        }
        charged += charge;
        for (const { lotId, nanos } of queue.use(charge)) {
          assert.ok(nanos > 0n);
          used.set(lotId, (used.get(lotId) ?? 0n) + nanos);
        }
      }
      assert.equal(
        [...used.values()].reduce((sum, nanos) => sum + nanos, 0n),
        charged,
      );
      for (const [id, nanos] of used) assert.ok(nanos <= (sizes[Number(id.slice(4))] ?? 0n));
    }),
  );
});

test("credit does not expire under a request that holds it", () => {
  const lots = [lot("grt_1", 50n, { expiresAtMs: 10 }), lot("grt_2", 50n)];
  assert.deepEqual(expiredParts(lots, { nowMs: 9, heldNanos: 0n }), []);
  assert.deepEqual(expiredParts(lots, { nowMs: 10, heldNanos: 0n }), [
    { lotId: "grt_1", nanos: 50n },
  ]);
  assert.deepEqual(expiredParts(lots, { nowMs: 10, heldNanos: 30n }), [
    { lotId: "grt_1", nanos: 20n },
  ]);
  assert.deepEqual(expiredParts(lots, { nowMs: 10, heldNanos: 70n }), []);
});

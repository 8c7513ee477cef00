import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { csvRow } from "./csv.ts";
import { decimalOf, focusColumns, focusRows, type HourOfSeries } from "./focus.ts";
import { purchaseRows } from "./focus-purchase.ts";
import {
  binOf,
  countOf,
  durationOf,
  mergeSketches,
  packSketch,
  percentilesOf,
  unpackSketch,
} from "./sketch.ts";
import { splitCharge } from "./split-charge.ts";
import { cover, levelFor, type Piece, stepMs, widened } from "./steps.ts";

const columns: ReadonlySet<string> = new Set(focusColumns);

const durations = fc.array(fc.integer({ min: 1, max: 3_600_000 }), {
  minLength: 1,
  maxLength: 400,
});

function sketchOf(values: readonly number[]): Map<number, number> {
  const sketch = new Map<number, number>();
  for (const value of values) sketch.set(binOf(value), (sketch.get(binOf(value)) ?? 0) + 1);
  return sketch;
}

test("a percentile is within two hundredths of the true one", () => {
  fc.assert(
    fc.property(durations, fc.integer({ min: 1, max: 100 }), (values, percent) => {
      const sorted = [...values].sort((left, right) => left - right);
      const truth = sorted[Math.max(0, Math.ceil((percent / 100) * sorted.length) - 1)] ?? 0;
      const [found = 0] = percentilesOf(sketchOf(values), [percent / 100]);
      assert.ok(Math.abs(found - truth) <= truth * 0.0201, `${found} for ${truth}`);
    }),
  );
  assert.deepEqual(percentilesOf(new Map(), [0.5, 0.99]), [0, 0]);
  assert.equal(durationOf(binOf(0.2)), 1);
});

test("sketches are merged in any order and any parts, and survive the database's form", () => {
  fc.assert(
    fc.property(durations, durations, (left, right) => {
      const whole = packSketch(sketchOf([...left, ...right]));
      const merged = mergeSketches([
        unpackSketch(packSketch(sketchOf(right))),
        unpackSketch(packSketch(sketchOf(left))),
      ]);
      assert.deepEqual(packSketch(merged), whole);
      assert.deepEqual(packSketch(unpackSketch([...whole])), whole);
      assert.equal(countOf(merged), left.length + right.length);
    }),
  );
});

test("pieces cover a span whole, once, in order, and as coarsely as they may", () => {
  const minutes = fc.integer({ min: 0, max: 60 * 24 * 40 });
  fc.assert(
    fc.property(minutes, minutes, (one, other) => {
      const span = {
        fromMs: Math.min(one, other) * 60_000,
        untilMs: Math.max(one, other) * 60_000,
      };
      const pieces = cover(span, { finest: "minute", coarsest: "day" });
      let at = span.fromMs;
      for (const { fromMs, untilMs, level } of pieces) {
        assert.equal(fromMs, at);
        assert.ok(
          untilMs > fromMs && fromMs % stepMs[level] === 0 && untilMs % stepMs[level] === 0,
        );
        at = untilMs;
      }
      assert.equal(pieces.length === 0 ? span.untilMs : at, span.untilMs);
      const steps = (level: Piece["level"]) =>
        pieces
          .filter((piece) => piece.level === level)
          .reduce((sum, { fromMs, untilMs }) => sum + (untilMs - fromMs) / stepMs[level], 0);
      assert.ok(steps("minute") < 120 && steps("hour") < 48);
    }),
  );
});

test("what was thrown away is answered in the next coarser steps", () => {
  const keptSinceMs = { minute: stepMs.day * 100, hour: stepMs.day * 50, day: 0 };
  const span = (days: number) => ({
    fromMs: days * stepMs.day + 90_000,
    untilMs: 200 * stepMs.day,
  });
  assert.equal(levelFor(span(120), { least: "minute", keptSinceMs }), "minute");
  assert.equal(levelFor(span(120), { least: "hour", keptSinceMs }), "hour");
  assert.equal(levelFor(span(99), { least: "minute", keptSinceMs }), "hour");
  assert.equal(levelFor(span(10), { least: "minute", keptSinceMs }), "day");
  assert.deepEqual(widened("hour", { fromMs: 90_000, untilMs: 3_600_001 }), {
    fromMs: 0,
    untilMs: 7_200_000,
  });
});

const amount = fc.bigInt(0n, 10n ** 15n);

test("a charge is divided over its meters to the nano, each within one of its share", () => {
  const meter = fc.record({ tokens: fc.bigInt(0n, 10n ** 9n), price: fc.bigInt(0n, 10n ** 10n) });
  fc.assert(
    fc.property(amount, fc.array(meter, { minLength: 1, maxLength: 4 }), (charged, meters) => {
      const parts = splitCharge(charged, meters);
      const total = meters.reduce((sum, { tokens, price }) => sum + tokens * price, 0n);
      if (parts === undefined) return assert.ok(total === 0n && charged > 0n);
      assert.equal(
        parts.reduce((sum, part) => sum + part, 0n),
        charged,
      );
      for (const [index, { tokens, price }] of meters.entries()) {
        const part = parts[index] ?? 0n;
        assert.ok(total === 0n || part * total - charged * tokens * price < total);
        assert.ok(tokens * price > 0n || part === 0n, "what costs nothing is charged nothing");
      }
    }),
  );
});

const hour: HourOfSeries = {
  ...{ organisationId: "org_1", projectId: "prj_1", userId: "usr_1", keyId: "key_1" },
  ...{ model: "chat", upstream: "one", endpoint: "chat", outcome: "complete", status: 200 },
  ...{ currency: "USD", priceId: "prc_1", upstreamKnown: true },
  ...{ inputPrice: 150_000_000n, cachedInputPrice: 3_000_000n, outputPrice: 600_000_000n },
  atMs: Date.UTC(2026, 10, 28, 3),
  ...{ requests: 2n, inputTokens: 2_000n, cachedInputTokens: 1_000n, outputTokens: 500n },
  chargedNanos: 453_001n,
  cursor: "c1",
};

test("FOCUS rows carry the cost as effective, bill nothing, and know no column of their own", () => {
  const rows = focusRows(hour);
  assert.deepEqual(
    rows.map((row) => [row.SkuMeter, row.ConsumedQuantity, row.EffectiveCost, row.x_Requests]),
    [
      ["Input Tokens", "1000", "0.00015", "2"],
      ["Cached Input Tokens", "1000", "0.000003", "0"],
      ["Output Tokens", "500", "0.000300001", "0"],
    ],
  );
  for (const row of rows) {
    assert.equal(row.BilledCost, "0.00");
    assert.equal(row.ChargePeriodStart, "2026-11-28T03:00:00Z");
    assert.equal(row.BillingPeriodEnd, "2026-12-01T00:00:00Z");
    assert.ok(Object.keys(row).every((name) => (focusColumns as readonly string[]).includes(name)));
  }
  assert.equal(rows[0]?.ListUnitPrice, "0.15");
  assert.equal(rows[2]?.ListCost, "0.0003");
  const unpriced = focusRows({ ...hour, inputPrice: 0n, cachedInputPrice: 0n, outputPrice: 0n });
  assert.deepEqual(
    unpriced.map((row) => [row.SkuMeter, row.EffectiveCost]),
    [["Requests", "0.000453001"]],
  );
});

test("decimals are exact, and fields of a CSV file come back as they went in", () => {
  assert.equal(decimalOf(1_234_567n, 6), "1.234567");
  assert.equal(decimalOf(5n, 15), "0.000000000000005");
  assert.equal(decimalOf(2_000_000n, 6), "2");
  assert.equal(csvRow(['say "no"', undefined, "a,b", "plain"]), '"say ""no""",,"a,b",plain\r\n');
});

test("what was paid back corrects the purchase and its tax, and no cost is effective", () => {
  const rows = purchaseRows({
    ...{ organisationId: "org_1", atMs: Date.UTC(2026, 10, 5, 13), reference: "TDM-1" },
    ...{ description: "Ten", quantity: 1, netNanos: -5_000_000_000n, taxNanos: -950_000_000n },
    ...{ currency: "EUR", creditNanos: -6_000_000_000n, creditCurrency: "USD" },
  });
  assert.deepEqual(
    rows.map((row) => [row.ChargeCategory, row.BilledCost, row.EffectiveCost, row.ChargeClass]),
    [
      ["Purchase", "-5.00", "0.00", "Correction"],
      ["Tax", "-0.95", "0.00", "Correction"],
    ],
  );
  assert.equal(rows[0]?.ChargePeriodStart, "2026-11-05T00:00:00.000Z");
  assert.equal(rows[0]?.BillingPeriodEnd, "2026-12-01T00:00:00.000Z");
  assert.ok(rows.every((row) => Object.keys(row).every((name) => columns.has(name))));
});

import assert from "node:assert/strict";
import { test } from "node:test";
import prom from "prom-client";
import { QuickHistogram } from "./histogram.ts";
import { createMetrics } from "./index.ts";

const buckets = [0.001, 0.0025, 1, 30];
const values = [0, 0.001, 0.0011, 0.0025, 0.9, 1, 29.99, 30, 31, -1, 0.1 + 0.2];

/** What a scrape shows of both kinds after the same observations. */
async function bothAfter(
  labels: readonly string[],
  observations: readonly (readonly [number, Readonly<Record<string, string>>])[],
) {
  const declaration = { name: "took_seconds", help: 'How "long".', labels, buckets };
  const [quick, plain] = [new prom.Registry(), new prom.Registry()];
  const ours = new QuickHistogram(declaration);
  quick.registerMetric(ours as unknown as prom.Histogram);
  const theirs = new prom.Histogram({
    ...declaration,
    ...{ labelNames: [...labels], registers: [plain] },
  });
  for (const registry of [quick, plain]) registry.setDefaultLabels({ process: "a-1" });
  for (const [value, given] of observations) {
    ours.observe(value, given);
    theirs.observe(given, value);
  }
  return [await quick.metrics(), await plain.metrics()];
}

test("a scrape shows what it would show of prom-client's own histogram", async () => {
  const bare = values.map((value) => [value, {}] as const);
  const labelled = values.flatMap((value, index) => [
    [value, { model: `m${index % 3}`, upstream: "one" }] as const,
    [value * 2, { model: "m1", upstream: 'two "\\\n' }] as const,
    [value, { model: "m2" }] as const,
  ]);
  for (const [labels, observations] of [
    [[], []],
    [[], bare],
    [["model"], []],
    [["model", "upstream"], labelled],
  ] as const) {
    const [ours, theirs] = await bothAfter(labels, observations);
    assert.equal(ours, theirs);
  }
});

test("a label that was not declared, and what is no number, are refused", () => {
  const histogram = createMetrics().histogram({
    ...{ name: "took_seconds", help: "How long.", labels: ["model"], buckets },
  });
  assert.throws(() => histogram.observe(1, { modle: "m" }), /no label modle/);
  assert.throws(() => histogram.observe(Number.NaN, { model: "m" }), /number/);
});

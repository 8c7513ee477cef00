import assert from "node:assert/strict";
import { test } from "node:test";
import { createMetrics } from "@tandem/libs/telemetry";
import { seededWorld } from "@tandem/libs/testing";
import { type ProcessSample, sampleProcess } from "./process-metrics.ts";

test("a process without a descriptor left is sampled on, with its last memory", async (context) => {
  const { world, advance } = seededWorld();
  const samples: ProcessSample[] = [];
  sampleProcess(
    { world, metrics: createMetrics() },
    { periodMs: 1_000, onSample: (sample) => samples.push(sample) },
  );
  await advance(1_000);
  context.mock.method(process.memoryUsage, "rss", () => {
    throw new Error("EMFILE: too many open files, uv_resident_set_memory");
  });
  await advance(1_000);
  const [before, without] = samples;
  assert.ok(before !== undefined && before.residentBytes > 0);
  assert.equal(without?.residentBytes, before.residentBytes);
});

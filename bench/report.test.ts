import assert from "node:assert/strict";
import { test } from "node:test";
import { reportPage } from "./report.ts";
import type { Sample } from "./samples.ts";

const sample: Sample = {
  ...{ units: 1_000, failed: 0, problems: [], unitsPerSecond: 12_345.6, coreShare: 0.97 },
  ...{ latencyMsP50: 0.1234, latencyMsP99: 2, kibPerUnit: 0, cpuUsPerUnit: 27.123 },
};

test("the page tells figures, versions, verdicts, and who was left out and why", () => {
  const page = reportPage(
    {
      "unary-1.5k": {
        nginx: [sample, sample],
        Portkey: [{ ...sample, units: 0, failed: 9, problems: ["status 500"] }],
        Tandem: [{ ...sample, cpuUsPerUnit: 81.369 }, undefined],
      },
    },
    {
      ...{ date: "2026-11-22", commit: "abc", machine: "2 cores", rounds: 2, windowMs: 3_000 },
      ...{ isQuick: false, versions: { nginx: "1.22.1" } },
      absent: [{ name: "HAProxy", reason: "haproxy is not installed" }],
      house: { firstStartSeconds: 5.5, laterStartSeconds: 7, idleMib: 900, idleCorePercent: 2 },
    },
  );
  assert.match(
    page,
    /\| unary call, 1.5 KB, router and gateway \| 3 × nginx \| ≤ 7 \| ≤ 3.5 \| goal/,
  );
  assert.match(page, /\| nginx \| 27.1 \| 27.1–27.1 \| 1 \| 12346 \| 97 % \| 0.123 \/ 2 \|/);
  assert.match(page, /\| Portkey \| failed: status 500 \|/);
  assert.match(page, /Left out: HAProxy \(haproxy is not installed\)/);
  assert.match(page, /first start \| 5.5 s \| ≤ 12 \| ≤ 6 \| goal reached/);
  assert.match(page, /later start \| 7 s \| ≤ 6 \| ≤ 3 \| OVER BUDGET/);
  assert.match(page, /cache hit, p99 \| – \| ≤ 2 \| – \| not measured/);
});

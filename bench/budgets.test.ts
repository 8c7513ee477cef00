import assert from "node:assert/strict";
import { test } from "node:test";
import { contenderNames, judge } from "./budgets.ts";
import { comparedOf, median, type Sample, type Samples } from "./samples.ts";

function sample(cpuUsPerUnit: number, given: Partial<Sample> = {}): Sample {
  return {
    ...{ units: 1_000, failed: 0, problems: [], unitsPerSecond: 100, coreShare: 1 },
    ...{ latencyMsP50: 1, latencyMsP99: 2, kibPerUnit: 0, cpuUsPerUnit },
    ...given,
  };
}

test("a median is the middle, or the mean of the two in the middle", () => {
  assert.equal(median([3, 1, 2]), 2);
  assert.equal(median([4, 1, 2, 3]), 2.5);
  assert.equal(median([]), undefined);
});

test("contenders are compared within a round, so that a slow minute changes no ratio", () => {
  const samples: Samples = {
    "unary-1.5k": {
      nginx: [sample(20), sample(60), sample(20)],
      Tandem: [sample(60), sample(180), sample(60)],
    },
  };
  const ratio = comparedOf(samples, {
    ...{ scenario: "unary-1.5k", contender: "Tandem", figure: "cpuUsPerUnit" },
    ...{ against: "nginx", as: "ratio" },
  });
  assert.equal(ratio, 3);
});

test("a round in which answers failed is left out, and without one nothing is claimed", () => {
  const broken = sample(1, { failed: 500 });
  const samples: Samples = {
    "unary-1.5k": { nginx: [sample(20), sample(20)], Tandem: [broken, sample(100)] },
    "stream-chunk": { nginx: [sample(20)], Tandem: [broken] },
  };
  const judged = new Map(judge(samples).map((row) => [row.what, row]));
  const unary = judged.get("unary call, 1.5 KB, router and gateway");
  assert.equal(unary?.value, 5);
  assert.equal(unary?.verdict, "within budget");
  const chunk = judged.get("streamed chunk of 200 bytes, paced 10 ms");
  assert.equal(chunk?.verdict, "not measured");
});

test("the verdict tells goal, budget and over budget apart", () => {
  const verdict = (cost: number) =>
    judge({ "unary-32k": { nginx: [sample(10)], [contenderNames.tandem]: [sample(cost)] } }).find(
      (row) => row.scenario === "unary-32k",
    )?.verdict;
  assert.equal(verdict(32), "goal reached");
  assert.equal(verdict(60), "within budget");
  assert.equal(verdict(61), "OVER BUDGET");
});

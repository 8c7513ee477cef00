import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { TopologyProcess } from "@tandem/libs/service";
import fc from "fast-check";
import { between, canaryRuleDefault, judgeCanary, type SideFigures, sumOf } from "./canary.ts";
import { groupOf, renumber } from "./renumber.ts";
import { whyNotToAdopt } from "./succession.ts";

const gateway: TopologyProcess = { name: "ai-gateway-1", hosts: ["ai/1"], level: 1 };

describe("renumber", () => {
  test("whatever comes and goes, no two processes and no two replicas share a number", () => {
    const operations = fc.array(fc.record({ adds: fc.boolean(), at: fc.nat(9) }), {
      maxLength: 60,
    });
    fc.assert(
      fc.property(operations, (steps) => {
        let present: readonly TopologyProcess[] = [
          gateway,
          { name: "mixed-1", hosts: ["ai/2", "auth/1", "auth/2"], level: 0 },
        ];
        for (const { adds, at } of steps) {
          const chosen = present[at % present.length];
          if (adds && chosen !== undefined) present = [...present, renumber(chosen, present)];
          else if (present.length > 1) present = present.filter((process) => process !== chosen);
          const names = present.map(({ name }) => name);
          const hosts = present.flatMap((process) => process.hosts);
          assert.equal(new Set(names).size, names.length);
          assert.equal(new Set(hosts).size, hosts.length);
        }
      }),
    );
  });

  test("a number that was left is the first to be taken again", () => {
    const second = renumber(gateway, [gateway]);
    assert.deepEqual(second, { ...gateway, name: "ai-gateway-2", hosts: ["ai/2"] });
    assert.equal(renumber(second, [second]).name, "ai-gateway-1");
    assert.equal(groupOf(second.name), "ai-gateway");
  });
});

function figures(attempts: number, failures: number, latencyMs = 5): SideFigures {
  const boundsMs = [10, 100, 1000];
  const bucket = boundsMs.filter((bound) => latencyMs > bound).length;
  const latencyCounts = [0, 0, 0, 0].map((_, index) => (index === bucket ? attempts : 0));
  return { attempts, failures, latencyCounts, boundsMs };
}

describe("judgeCanary", () => {
  const judge = (canary: SideFigures, control: SideFigures) =>
    judgeCanary(canary, control, canaryRuleDefault).kind;

  test("waits for enough requests, and then for as few errors as the others have", () => {
    assert.equal(judge(figures(0, 0), figures(1000, 0)), "waiting");
    assert.equal(judge(figures(199, 2), figures(1000, 0)), "waiting");
    assert.equal(judge(figures(200, 0), figures(1000, 0)), "good");
    assert.equal(judge(figures(200, 2), figures(1000, 0)), "bad");
    assert.equal(judge(figures(200, 2), figures(1000, 10)), "good");
  });

  test("gross failure needs no two hundred requests", () => {
    assert.equal(judge(figures(6, 5), figures(50, 0)), "bad");
    assert.equal(judge(figures(6, 5), figures(50, 45)), "waiting");
  });

  test("one that answers far more slowly is told to; noise is not held against it", () => {
    assert.equal(judge(figures(200, 0, 500), figures(1000, 0, 5)), "slow");
    assert.equal(judge(figures(200, 0, 50), figures(1000, 0, 5)), "good");
    assert.equal(judge(figures(200, 0, 500), figures(0, 0)), "good");
    // With few requests asked for, one or two slow ones are still a chance.
    const few = { ...canaryRuleDefault, requestsMin: 10 };
    const slowOnes = (count: number): SideFigures =>
      sumOf([figures(20, 0, 5), figures(count, 0, 500)]);
    assert.equal(judgeCanary(slowOnes(2), figures(100, 0, 5), few).kind, "good");
    assert.equal(judgeCanary(slowOnes(3), figures(100, 0, 5), few).kind, "slow");
  });

  test("what ails both alike never condemns it", () => {
    fc.assert(
      fc.property(fc.nat(5000), fc.nat(100), fc.nat(2000), (attempts, percent, latencyMs) => {
        const side = figures(attempts, Math.floor((attempts * percent) / 100), latencyMs);
        assert.match(judge(side, side), /good|waiting/);
      }),
    );
  });

  test("only what happened since the look before counts, over all routers together", () => {
    const since = between(figures(10, 1), figures(25, 3));
    assert.equal(since.attempts, 15);
    assert.equal(since.failures, 2);
    // A router that was started anew begins at nothing.
    assert.equal(between(figures(10, 1), figures(4, 0)).attempts, 4);
    assert.equal(sumOf([since, figures(5, 5)]).failures, 7);
  });
});

describe("whyNotToAdopt", () => {
  const grpcDoor = { port: 4601 };
  const left = { door: { host: "127.0.0.1", port: 4600 }, grpcDoor, topologyHash: "a" };
  const wishes = { host: "127.0.0.1", port: 4600, grpcPort: 4601, topologyHash: "a" };

  test("the same wishes go on with what runs, any port will do where none was named", () => {
    assert.equal(whyNotToAdopt(wishes, left), undefined);
    assert.equal(whyNotToAdopt({ ...wishes, port: 0, grpcPort: 0 }, left), undefined);
    const without = { ...left, grpcDoor: undefined };
    assert.equal(whyNotToAdopt({ ...wishes, grpcPort: undefined }, without), undefined);
  });

  test("another address or topology does not", () => {
    assert.match(whyNotToAdopt({ ...wishes, port: 4610 }, left) ?? "", /port 4600/);
    assert.match(whyNotToAdopt({ ...wishes, grpcPort: 4611 }, left) ?? "", /gRPC on port 4601/);
    assert.match(whyNotToAdopt({ ...wishes, grpcPort: undefined }, left) ?? "", /gRPC on port/);
    const without = { ...left, grpcDoor: undefined };
    assert.match(whyNotToAdopt({ ...wishes, grpcPort: 0 }, without) ?? "", /no port of its own/);
    assert.match(whyNotToAdopt({ ...wishes, host: "0.0.0.0" }, left) ?? "", /127\.0\.0\.1/);
    assert.match(whyNotToAdopt({ ...wishes, topologyHash: "b" }, left) ?? "", /topology/);
  });
});

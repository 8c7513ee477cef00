import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { drawSide, ReplicaTally, trialOf } from "./index.ts";

const pools = fc.array(fc.constantFrom(0.01, 0.1, 0.25, 1), { maxLength: 8 }).map((weights) => {
  return weights.map((weight, number) => ({ number, weight }));
});
type Member = { readonly number: number; readonly weight: number };
const weightOf = ({ weight }: Member): number => weight;

describe("replicas on trial", () => {
  test("whatever their weights, no draw is empty, nobody is on both sides and nobody is lost", () => {
    const fractions = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
    fc.assert(
      fc.property(pools, fractions, (pool, fraction) => {
        const trial = trialOf(pool, weightOf);
        const isMixed = new Set(pool.map(({ weight }) => weight < 1)).size === 2;
        assert.equal(trial !== undefined, isMixed);
        if (trial === undefined) return;
        const side = drawSide(trial, fraction);
        assert.ok(side.length > 0);
        assert.ok(side === trial.onTrial || side === trial.others);
        const all = [...trial.onTrial, ...trial.others].map(({ number }) => number);
        assert.deepEqual(
          all.toSorted((one, other) => one - other),
          pool.map(({ number }) => number),
        );
      }),
    );
  });

  test("they get the sum of their shares of first attempts, and not more", () => {
    fc.assert(
      fc.property(pools, (pool) => {
        const trial = trialOf(pool, weightOf);
        if (trial === undefined) return;
        const drawn = Array.from({ length: 1_000 }, (_, at) => drawSide(trial, at / 1_000));
        const share = drawn.filter((side) => side === trial.onTrial).length / 1_000;
        const wanted = pool.filter(({ weight }) => weight < 1).map(weightOf);
        const sum = Math.min(
          1,
          wanted.reduce((total, weight) => total + weight, 0),
        );
        assert.ok(Math.abs(share - sum) <= 0.0011, `${share} instead of ${sum}`);
      }),
    );
  });
});

describe("ReplicaTally", () => {
  test("what several clients counted of one replica is one sum", () => {
    const events = fc.array(
      fc.record({
        client: fc.nat(2),
        status: fc.constantFrom(200, 404, 503),
        tookMs: fc.nat(20_000),
      }),
    );
    fc.assert(
      fc.property(events, (all) => {
        const clients = [new ReplicaTally(), new ReplicaTally(), new ReplicaTally()];
        const whole = new ReplicaTally();
        for (const { client, status, tookMs } of all) {
          clients[client]?.answered(status, tookMs);
          whole.answered(status, tookMs);
        }
        const sum = new ReplicaTally();
        for (const client of clients) sum.add(client);
        assert.deepEqual(sum.figures(), whole.figures());
        const { failures, attempts, latencyCounts } = whole.figures();
        assert.equal(failures, all.filter(({ status }) => status === 503).length);
        assert.equal(
          latencyCounts.reduce((total, count) => total + count, 0),
          attempts,
        );
      }),
    );
  });

  test("a long poll counts, and its time does not", () => {
    const tally = new ReplicaTally();
    tally.answered(200, undefined);
    tally.broke(false);
    const { attempts, failures, latencyCounts } = tally.figures();
    assert.deepEqual([attempts, failures, Math.max(...latencyCounts)], [2, 1, 0]);
  });
});

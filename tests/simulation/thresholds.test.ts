/**
 * What only large numbers show: thresholds of the failover, flapping, retry storms, overload. The
 * production's classes over simulated calls, without a network between.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { seededRandom } from "@tandem/libs/testing";
import type { Decision } from "../../gateways/ai/core/failover/failover-machine.ts";
import { SimulatedCaller, SimulatedServer } from "./cores/balancing.ts";
import { type GroupRun, runGroup, type SideState, wellSide } from "./cores/failover.ts";
import { runLoop } from "./cores/shedding.ts";
import { Scheduler } from "./world/scheduler.ts";

const minuteMs = 60_000;

interface Watched {
  readonly moves: number;
  readonly shareMost: number;
  readonly reasons: ReadonlySet<string>;
  readonly firstReasonMs: number;
}

function watch(state: Partial<SideState>, rest: Partial<GroupRun> = {}): Watched {
  const seen = { moves: 0, shareMost: 0, reasons: new Set<string>(), firstReasonMs: Infinity };
  runGroup(seededRandom("thresholds"), {
    untilMs: minuteMs,
    requestsPerSecond: 200,
    sideAt: (side) => (side === "primary" ? { ...wellSide, ...state } : wellSide),
    onDecision: ({ moved, share, reasons }: Decision, nowMs) => {
      if (moved) seen.moves += 1;
      seen.shareMost = Math.max(seen.shareMost, share);
      for (const reason of reasons) seen.reasons.add(reason);
      if (reasons.length > 0) seen.firstReasonMs = Math.min(seen.firstReasonMs, nowMs);
    },
    ...rest,
  });
  return seen;
}

/** Exactly so many of a thousand calls, spread evenly. */
const exactly =
  (perThousand: number) =>
  (_state: SideState, number: number): boolean =>
    Math.floor((number * perThousand) / 1_000) > Math.floor(((number - 1) * perThousand) / 1_000);

test("4.9 % of errors for a minute move nothing; 5.1 % do not either, before they are proven", () => {
  assert.equal(watch({ errors: 0.049 }, { fails: exactly(49) }).moves, 0);
  // Of 12,000 calls at 200 a second 5.1 % can be an accident of 5 %: decision 0240 tells the odds.
  assert.equal(watch({ errors: 0.051 }, { fails: exactly(51) }).moves, 0);
  assert.equal(watch({ errors: 0.08 }, { fails: exactly(80) }).moves, 1);
  const dead = watch({ isDead: true });
  assert.equal(dead.moves, 1);
  assert.ok(dead.firstReasonMs <= 2_000, `${dead.firstReasonMs} ms`);
});

for (const [what, below, above] of [
  ["the processor", { cpu: 0.79 }, { cpu: 0.81 }],
  ["memory", { memory: 0.84 }, { memory: 0.86 }],
  ["the first token", { firstTokenMs: 1_950 }, { firstTokenMs: 2_050 }],
] as const) {
  test(`${what}: just below its threshold nothing is said, just above it is, within 2 s`, () => {
    assert.equal(watch(below).reasons.size, 0);
    const seen = watch(above);
    assert.ok(seen.reasons.size > 0);
    assert.ok(seen.firstReasonMs <= 2_000, `${seen.firstReasonMs} ms`);
    assert.equal(seen.moves, 0);
  });
}

test("a primary that flaps every 3 s for two minutes is left, and at most two moves are made", () => {
  const moves: number[] = [];
  let lost = 0;
  let asked = 0;
  runGroup(seededRandom("flapping"), {
    untilMs: 2 * minuteMs,
    requestsPerSecond: 200,
    sideAt: (side, nowMs) => ({ ...wellSide, isDead: side === "primary" && nowMs % 6_000 < 3_000 }),
    fails: (state) => {
      asked += 1;
      if (state.isDead) lost += 1;
      return false;
    },
    onDecision: ({ moved }, nowMs) => {
      if (moved) moves.push(nowMs);
    },
  });
  assert.ok(moves.length <= 2, `moves at ${moves}`);
  // What it loses until it is left; each of these calls is tried elsewhere at once.
  assert.ok(lost < asked * 0.02, `${lost} of ${asked}`);
});

interface Shop {
  readonly scheduler: Scheduler;
  readonly servers: readonly SimulatedServer[];
  readonly caller: SimulatedCaller;
}

/** Two replicas of ten workers of 20 ms: a thousand requests a second. */
function openShop(): Shop {
  const scheduler = new Scheduler();
  const given = { workers: 10, serviceMs: 20, queueMax: 40 };
  const servers = [1, 2].map(() => new SimulatedServer(scheduler, given));
  const caller = new SimulatedCaller(scheduler, { random: seededRandom("shop"), servers });
  return { scheduler, servers, caller };
}

async function load(
  { scheduler, caller }: Shop,
  perSecond: number,
  forMs: number,
): Promise<number> {
  const before = caller.ok;
  const fromMs = scheduler.nowMs;
  for (let at = 0; at < forMs; at += 1_000 / perSecond) {
    scheduler.after(at, () => caller.request());
  }
  await scheduler.runUntil(fromMs + forMs);
  return caller.ok - before;
}

test("a minute without any service is not multiplied by retries, and leaves no trace", async () => {
  const shop = openShop();
  const { servers, caller, scheduler } = shop;
  await load(shop, 500, 10_000);
  for (const server of servers) server.isDead = true;
  const before = { attempts: caller.attempts, requests: caller.requests };
  await load(shop, 500, minuteMs);
  const attempts = caller.attempts - before.attempts;
  const requests = caller.requests - before.requests;
  // The stock of retries that a quiet time has saved up, and ten in a hundred.
  assert.ok(attempts <= requests * 1.1 + 1_024 + 3 * 60, `${attempts} attempts of ${requests}`);
  for (const server of servers) server.isDead = false;
  await load(shop, 500, 2_000);
  caller.latenciesMs.length = 0;
  const failedBefore = caller.failed;
  await load(shop, 500, 5_000);
  caller.latenciesMs.sort((left, right) => left - right);
  const p99 = caller.latenciesMs[Math.floor(caller.latenciesMs.length * 0.99)] ?? 0;
  assert.ok(p99 <= 60, `p99 ${p99} ms two seconds after the return`);
  assert.equal(caller.failed - failedBefore, 0);
  void scheduler;
});

test("a thousand clients that come again at once do not take the services down", async () => {
  const shop = openShop();
  const peak = await load(shop, 990, 10_000);
  for (let round = 0; round < 10; round += 1) {
    shop.scheduler.after(round * 1_000, () => {
      for (let client = 0; client < 1_000; client += 1) shop.caller.request();
    });
  }
  const goodput = await load(shop, 990, 10_000);
  assert.ok(goodput >= peak * 0.95, `${goodput} against ${peak}`);
});

test("five times the load of a minute: goodput stays, refusals are quick, the tail ends", async () => {
  const shop = openShop();
  const peak = (await load(shop, 990, 10_000)) / 10;
  const goodput = (await load(shop, 5_000, minuteMs)) / 60;
  assert.ok(goodput >= peak * 0.95, `${goodput} a second against ${peak}`);
  // Whoever was let in has waited for a full queue at most: 40 before it, ten at a time.
  const slowest = Math.max(...shop.caller.latenciesMs);
  assert.ok(slowest <= 130, `${slowest} ms`);
  await load(shop, 500, 2_000);
  shop.caller.latenciesMs.length = 0;
  await load(shop, 500, 3_000);
  assert.ok(Math.max(...shop.caller.latenciesMs) <= 60, "a tail is left after two seconds");
});

test("five times the load, by priority: what matters most is served, nobody waits long", () => {
  const shares = [0.4, 0.5, 0.1];
  const given = { perSecond: 5_000, forMs: minuteMs, shares };
  const { asked, served, latenciesMs, calmAfterMs } = runLoop(seededRandom("by priority"), given);
  const shareOf = (priority: number): number => (served[priority] ?? 0) / (asked[priority] ?? 1);
  assert.ok(shareOf(2) >= 0.999, `critical: ${shareOf(2)}`);
  assert.ok(shareOf(0) <= 0.01, `sheddable: ${shareOf(0)}`);
  // Turning four of five away takes 80 ms of each second here; the rest is to be of use.
  const goodput = served.reduce((sum, count) => sum + count, 0) / 60;
  assert.ok(goodput >= 0.92 * 0.95 * 1_000, `${goodput} a second`);
  latenciesMs.sort((left, right) => left - right);
  const p99 = latenciesMs[Math.floor(latenciesMs.length * 0.99)] ?? 0;
  assert.ok(p99 <= 500, `${p99} ms`);
  assert.ok(calmAfterMs <= 2_000, `${calmAfterMs} ms`);
});

test("a load that one process can do turns nobody away", () => {
  const given = { perSecond: 900, forMs: minuteMs, shares: [0.4, 0.5, 0.1] };
  const { asked, served } = runLoop(seededRandom("fits"), given);
  assert.deepEqual(served, asked);
});

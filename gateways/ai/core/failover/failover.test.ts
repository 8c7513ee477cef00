import assert from "node:assert/strict";
import { test } from "node:test";
import { type SeededRandom, seededRandom } from "@tandem/libs/testing";
import { provesMoreThan } from "./evidence.ts";
import { type Decision, FailoverMachine, type Side, type Vitals } from "./failover-machine.ts";
import { VitalsWindow } from "./vitals-window.ts";

/** What a simulated side does at a moment. */
interface Weather {
  readonly errorShare?: number;
  readonly firstTokenMs?: number;
  readonly isDead?: boolean;
  readonly cpu?: number;
  readonly memory?: number;
}

interface Run {
  readonly seed: number;
  readonly seconds: number;
  readonly requestsPerSecond: number;
  readonly primary: (second: number) => Weather;
  readonly standby?: (second: number) => Weather;
  readonly pin?: (second: number) => Side | undefined;
}

interface Moment extends Decision {
  readonly second: number;
  /** Requests that failed since the moment before. */
  readonly failed: number;
}

const stepMs = 250;

class SimulatedSide {
  readonly #window = new VitalsWindow();
  readonly #random: SeededRandom;
  #probesFailed = 0;

  constructor(random: SeededRandom) {
    this.#random = random;
  }

  forget(): void {
    this.#window.forget();
  }

  probe({ isDead = false }: Weather): void {
    this.#probesFailed = isDead ? this.#probesFailed + 1 : 0;
  }

  /** True when it was answered. */
  call(nowMs: number, { errorShare = 0, firstTokenMs = 200, isDead = false }: Weather): boolean {
    if (isDead || this.#random.fraction() < errorShare) this.#window.failed(nowMs);
    else {
      this.#window.succeeded(nowMs, firstTokenMs * (0.7 + this.#random.fraction() * 0.3));
      return true;
    }
    return false;
  }

  vitals(nowMs: number, { cpu, memory }: Weather): Vitals {
    const recent = this.#window.recent(nowMs);
    return { ...recent, cpu, memory, probesFailed: this.#probesFailed };
  }
}

function simulate(run: Run): Moment[] {
  const random = seededRandom(run.seed);
  const machine = new FailoverMachine();
  const sides = { primary: new SimulatedSide(random), standby: new SimulatedSide(random) };
  const moments: Moment[] = [];
  let share = 0;
  let owed = 0;
  for (let nowMs = stepMs; nowMs <= run.seconds * 1_000; nowMs += stepMs) {
    const second = nowMs / 1_000;
    const weather = { primary: run.primary(second), standby: run.standby?.(second) ?? {} };
    let failed = 0;
    owed += (run.requestsPerSecond * stepMs) / 1_000;
    for (; owed >= 1; owed -= 1) {
      const side = random.fraction() < share ? "standby" : "primary";
      if (!sides[side].call(nowMs, weather[side])) failed += 1;
    }
    for (const side of ["primary", "standby"] as const) sides[side].probe(weather[side]);
    machine.pin(run.pin?.(second));
    const decision = machine.evaluate({
      nowMs,
      primary: sides.primary.vitals(nowMs, weather.primary),
      standby: sides.standby.vitals(nowMs, weather.standby),
    });
    if (decision.forgets) sides.primary.forget();
    share = decision.share;
    moments.push({ ...decision, second, failed });
  }
  return moments;
}

const movesIn = (moments: readonly Moment[]): readonly number[] =>
  moments.filter(({ moved }) => moved).map(({ second }) => second);

test("errors prove something only when there are enough of them", () => {
  assert.ok(!provesMoreThan(0.05, { errors: 0, requests: 0 }));
  assert.ok(!provesMoreThan(0.05, { errors: 2, requests: 20 }));
  assert.ok(!provesMoreThan(0.05, { errors: 24, requests: 500 }));
  assert.ok(provesMoreThan(0.05, { errors: 20, requests: 20 }));
  assert.ok(provesMoreThan(0.05, { errors: 100, requests: 500 }));
  assert.ok(provesMoreThan(0.05, { errors: 2_000, requests: 30_000 }));
});

test("a primary that is dead is left within a second, with or without traffic", () => {
  for (const requestsPerSecond of [0, 1, 20, 500]) {
    const moments = simulate({
      ...{ seed: 1, seconds: 60, requestsPerSecond },
      primary: (second) => ({ isDead: second > 20 }),
    });
    const [at = 99] = movesIn(moments);
    assert.ok(at > 20 && at <= 21, `${requestsPerSecond}/s: after ${at - 20} s`);
    assert.equal(moments.at(-1)?.state, "standby");
  }
});

test("one call in ten failing is proven within half a minute, and never before it is so", () => {
  const moments = simulate({
    ...{ seed: 2, seconds: 120, requestsPerSecond: 100 },
    primary: (second) => ({ errorShare: second > 30 ? 0.1 : 0.03 }),
  });
  const [at = 999] = movesIn(moments);
  assert.ok(at > 30 && at < 60, `after ${at} s`);
});

test("hours of noise just below every threshold move nothing and spill nothing", () => {
  for (const requestsPerSecond of [2, 40]) {
    const moments = simulate({
      ...{ seed: 3, seconds: 6 * 3_600, requestsPerSecond },
      primary: () => ({ errorShare: 0.04, firstTokenMs: 1_500, cpu: 0.79, memory: 0.84 }),
    });
    assert.deepEqual(movesIn(moments), []);
    assert.ok(moments.every(({ share }) => share === 0));
  }
});

test("it returns in steps when the primary has been well for half a minute", () => {
  const moments = simulate({
    ...{ seed: 4, seconds: 150, requestsPerSecond: 100 },
    primary: (second) => ({ isDead: second > 10 && second <= 40 }),
  });
  const [away = 0, back = 0] = movesIn(moments);
  assert.ok(away > 10 && away < 15);
  assert.ok(back > 40 + 30 + 40 - 1 && back < 40 + 30 + 40 + 8, `back at ${back}`);
  const shares = new Set(moments.filter((m) => m.state === "returning").map((m) => m.share));
  assert.deepEqual([...shares], [0.95, 0.75, 0.5, 0]);
  assert.equal(moments.at(-1)?.share, 0);
  const failedLater = moments.filter(({ second }) => second > away + 1);
  assert.equal(
    failedLater.reduce((sum, { failed }) => sum + failed, 0),
    0,
  );
});

test("a flapping primary makes two moves in ten minutes at most, and its callers hardly notice", () => {
  for (let seed = 10; seed < 20; seed += 1) {
    const periodSeconds = 5 + seed * 9;
    const moments = simulate({
      ...{ seed, seconds: 3_600, requestsPerSecond: 50 },
      primary: (second) => ({ isDead: second % (2 * periodSeconds) > periodSeconds }),
    });
    const moves = movesIn(moments);
    for (const at of moves) {
      const near = moves.filter((other) => other >= at && other < at + 600).length;
      assert.ok(near <= 2, `seed ${seed}: ${near} moves in ten minutes`);
    }
    const failed = moments.reduce((sum, moment) => sum + moment.failed, 0);
    assert.ok(failed < 3_600 * 50 * 0.05, `seed ${seed}: ${failed} calls failed`);
  }
});

test("a relapse on the way back leads to the standby, and the next wait is twice as long", () => {
  const moments = simulate({
    ...{ seed: 5, seconds: 200, requestsPerSecond: 100 },
    primary: (second) => ({ isDead: (second > 10 && second < 20) || (second > 62 && second < 70) }),
  });
  const returns = moments.filter(({ forgets }) => forgets).map(({ second }) => second);
  assert.equal(returns.length, 2);
  assert.ok((returns[1] ?? 0) - 70 >= 60, `second return at ${returns[1]}`);
});

test("a slow, busy or full primary keeps what it can carry and spills the rest", () => {
  const shareAt = (weather: Weather): Decision => {
    const moments = simulate({
      ...{ seed: 6, seconds: 30, requestsPerSecond: 100 },
      primary: () => weather,
    });
    const last = moments.at(-1);
    assert.ok(last !== undefined && movesIn(moments).length === 0);
    return last;
  };
  assert.equal(shareAt({ firstTokenMs: 2_100 }).share, 0);
  const slow = shareAt({ firstTokenMs: 6_000 });
  assert.ok(slow.share > 0.4 && slow.share < 0.6, `${slow.share}`);
  assert.match(slow.reasons.join(), /first token takes 5\.\d s|first token takes 6\.\d s/);
  assert.ok(shareAt({ cpu: 0.95 }).share > 0.6);
  assert.equal(shareAt({ cpu: 0.8 }).share, 0);
  assert.ok(shareAt({ memory: 0.92 }).share > 0.2);
});

test("memory that is full moves everything", () => {
  const moments = simulate({
    ...{ seed: 7, seconds: 10, requestsPerSecond: 10 },
    primary: (second) => ({ memory: second > 5 ? 0.96 : 0.5 }),
  });
  assert.equal(moments.at(-1)?.state, "standby");
});

test("with both sides unwell each gets its part, and somebody is told", () => {
  const moments = simulate({
    ...{ seed: 8, seconds: 30, requestsPerSecond: 100 },
    primary: () => ({ errorShare: 0.8 }),
    standby: () => ({ errorShare: 0.4 }),
  });
  const last = moments.at(-1);
  assert.ok(last?.alarm);
  assert.ok((last?.share ?? 0) > 0.5 && (last?.share ?? 1) < 1);
});

test("an operator's word goes above everything, and gives way when it is taken back", () => {
  const moments = simulate({
    ...{ seed: 9, seconds: 60, requestsPerSecond: 100 },
    primary: (second) => ({ isDead: second > 40 }),
    pin: (second) =>
      second > 10 && second <= 20 ? "standby" : second > 30 ? "primary" : undefined,
  });
  const at = (second: number) => moments.find((moment) => moment.second === second);
  assert.deepEqual([at(15)?.state, at(15)?.share], ["pinned", 1]);
  assert.deepEqual([at(25)?.state, at(25)?.share], ["primary", 0]);
  assert.deepEqual([at(55)?.state, at(55)?.share], ["pinned", 0]);
  assert.deepEqual(movesIn(moments), []);
});

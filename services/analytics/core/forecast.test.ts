import assert from "node:assert/strict";
import { test } from "node:test";
import { seededRandom } from "@tandem/libs/testing";
import { forecast } from "./forecast.ts";

const ahead = { days: 14, firstWeekday: 0 };

test("nothing comes of nothing, and a steady use goes on as it was, surely", () => {
  assert.ok(forecast([], ahead).days.every(({ expected, high }) => expected === 0 && high === 0));
  assert.equal(forecast([0, 0, 0], ahead).daysSeen, 0);
  const steady = forecast(Array<number>(40).fill(5), ahead);
  for (const { expected, low, high } of steady.days) {
    assert.ok(Math.abs(expected - 5) < 1e-9 && high - low < 1e-9);
  }
  const { expected } = steady.sumOf(3, 0.5);
  assert.ok(Math.abs(expected - 12.5) < 1e-9);
});

test("days before the first use count for nothing; one day alone promises little", () => {
  const one = forecast([0, 0, 0, 8], ahead);
  assert.equal(one.daysSeen, 1);
  const [{ expected, low, high } = { expected: 0, low: 0, high: 0 }] = one.days;
  assert.deepEqual([expected, low, high].map(Math.round), [8, 0, 16]);
});

test("weekends that are quiet stay quiet", () => {
  const week = [10, 10, 10, 10, 10, 1, 1];
  const { days } = forecast([...week, ...week, ...week, ...week], ahead);
  const weekday = days[1]?.expected ?? 0;
  const saturday = days[5]?.expected ?? 0;
  assert.ok(weekday > 3 * saturday, `${weekday} against ${saturday}`);
});

test("what grows is guessed to grow, and not for ever", () => {
  const history = Array.from({ length: 30 }, (_, day) => 10 + day);
  const { days } = forecast(history, { days: 60, firstWeekday: 3 });
  const first = days[0]?.expected ?? 0;
  assert.ok(first > 34 && first < 42, String(first));
  assert.ok((days[59]?.expected ?? 0) < 60);
});

test("four of five days lie within the interval, more or less", () => {
  const random = seededRandom("forecast");
  let inside = 0;
  let all = 0;
  for (let run = 0; run < 200; run += 1) {
    const noise = (): number => 100 + 30 * (random.fraction() + random.fraction() - 1);
    const history = Array.from({ length: 40 }, noise);
    for (const { low, high } of forecast(history, { days: 5, firstWeekday: 0 }).days) {
      const cost = noise();
      all += 1;
      if (cost >= low && cost <= high) inside += 1;
    }
  }
  assert.ok(inside / all > 0.7 && inside / all < 0.92, String(inside / all));
});

test("an interval never reaches below nothing, and grows with the days", () => {
  const random = seededRandom("wide");
  const history = Array.from({ length: 20 }, () => (random.fraction() < 0.5 ? 0 : 40));
  const { days, sumOf } = forecast(history, { days: 20, firstWeekday: 5 });
  assert.ok(
    days.every(({ low, expected, high }) => low >= 0 && low <= expected && expected <= high),
  );
  assert.ok(sumOf(10, 1).high - sumOf(10, 1).expected > sumOf(2, 1).high - sumOf(2, 1).expected);
});

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { migrate, sql } from "@tandem/libs/store";
import { refusalOf } from "@tandem/libs/testing";
import { newId } from "@tandem/libs/world";
import { stepMs } from "./core/steps.ts";
import { forgetOld } from "./store/forget.ts";
import { migrations } from "./store/migrations.ts";
import {
  type AnalyticsHouse,
  asPerson,
  batchOf,
  type FactInit,
  newFact,
  noonMs,
  openAnalyticsHouse,
  wholeDay,
  world,
} from "./testing/analytics-house.ts";

let house: AnalyticsHouse;

before(async () => {
  house = await openAnalyticsHouse();
});
after(() => house.close());

const ask = (organisationId: string, request: object = {}) =>
  house.asker.queryUsage({ organisationId, ...wholeDay, ...request }, asPerson(organisationId));

describe("recording", () => {
  test("an event and a fact count once, whatever repeats them, at either replica", async () => {
    const organisationId = newId(world, "org");
    const facts = [newFact({ organisationId }), newFact({ organisationId })];
    const event = { eventId: newId(world, "evt"), batch: batchOf(facts) };
    const results = await Promise.all(
      [0, 1, 0, 1].map((index) => house.tellers[index === 0 ? 0 : 1].recordUsage(event)),
    );
    assert.deepEqual(results.map(({ recorded }) => recorded).sort(), [0, 0, 0, 2]);
    // The same calls once more, in another event and together with a new one.
    assert.equal(await house.tell([...facts, newFact({ organisationId })]), 1);
    const { totals } = await ask(organisationId);
    assert.deepEqual([totals[0]?.requests, totals[0]?.chargedNanos], [3n, 600n]);
  });

  test("the rest of a request is money and tokens, and no request more", async () => {
    const organisationId = newId(world, "org");
    const told = newFact({ organisationId });
    await house.tell([
      told,
      newFact({ ...told, id: `${told.id}+rest`, rest: true, durationMs: 90_000 }),
    ]);
    const { totals } = await ask(organisationId);
    assert.deepEqual([totals[0]?.requests, totals[0]?.chargedNanos], [1n, 400n]);
  });

  test("a correction takes off where the fact that it corrects counts, and only after it", async () => {
    const organisationId = newId(world, "org");
    const part = newFact({ organisationId, outcome: "partial", status: 499 });
    const correction = newFact({
      ...{ organisationId, id: `${part.id}+back`, corrects: part.id ?? "", rest: true },
      ...{ chargedNanos: -30n, upstreamNanos: 0n, inputTokens: 3, outputTokens: 12 },
      atMs: BigInt(noonMs + 3 * stepMs.hour),
    });
    assert.equal(await refusalOf(house.tell([correction])), "analytics.fact_awaited");
    await house.tell([part]);
    assert.equal(await house.tell([correction]), 1);
    assert.equal(await house.tell([correction]), 0);
    const { rows } = await ask(organisationId, { groupBy: ["outcome", "status"], step: "hour" });
    assert.deepEqual(
      rows.map((row) => [row.group, row.requests, row.inputTokens, row.outputTokens]),
      [[["partial", "499"], 1n, 97n, 38n]],
    );
    assert.deepEqual([rows[0]?.chargedNanos, rows[0]?.atMs], [170n, BigInt(noonMs)]);
    const negative = newFact({ organisationId, chargedNanos: -1n });
    assert.equal(await refusalOf(house.tell([negative])), "analytics.unreadable_event");
  });

  test("an event that cannot be read changes nothing and is told apart from an outage", async () => {
    const organisationId = newId(world, "org");
    const [teller] = house.tellers;
    const eventId = newId(world, "evt");
    const broken = [
      Buffer.from("no batch"),
      batchOf([newFact({ organisationId }), newFact({ organisationId, id: "" })]),
      batchOf([newFact({ organisationId: "" })]),
      batchOf([newFact({ organisationId, outcome: "splendid" })]),
      batchOf([newFact({ organisationId, chargedNanos: -1n })]),
      batchOf([newFact({ organisationId, model: "nul\0" })]),
    ];
    for (const batch of broken) {
      const reason = await refusalOf(teller.recordUsage({ eventId, batch }));
      assert.equal(reason, "analytics.unreadable_event");
    }
    assert.equal((await ask(organisationId)).totals.length, 0);
    assert.equal(await house.tell([newFact({ organisationId })], eventId), 1, "its id is free");
  });

  test("only the platform itself tells facts", async () => {
    const event = { eventId: newId(world, "evt"), batch: batchOf([]) };
    const reason = await refusalOf(house.tellers[0].recordUsage(event, asPerson("org_1")));
    assert.equal(reason, "analytics.forbidden");
  });

  test("a fact that comes late is counted when it happened, one of no possible time when settled", async () => {
    const organisationId = newId(world, "org");
    const late = BigInt(noonMs - 40 * stepMs.day);
    await house.tell([
      newFact({ organisationId, atMs: late, settledAtMs: BigInt(noonMs) }),
      newFact({ organisationId, atMs: 0n, settledAtMs: BigInt(noonMs) }),
      newFact({ organisationId, atMs: BigInt(noonMs) * 2n, settledAtMs: BigInt(noonMs) }),
    ]);
    const { rows } = await house.asker.queryUsage(
      { organisationId, fromMs: late, untilMs: wholeDay.untilMs, step: "day" },
      asPerson(organisationId),
    );
    const found = rows.map(({ atMs, requests }) => [Number(atMs), requests]);
    assert.deepEqual(found, [
      [Number(wholeDay.fromMs) - 40 * stepMs.day, 1n],
      [Number(wholeDay.fromMs), 2n],
    ]);
  });
});

describe("asking", () => {
  const organisationId = newId(world, "org");

  before(async () => {
    const fact = (given: FactInit) => newFact({ organisationId, ...given });
    await house.tell([
      fact({ keyId: "key_a", model: "big", chargedNanos: 900n, durationMs: 1_000 }),
      fact({ keyId: "key_a", model: "small", chargedNanos: 100n, durationMs: 100 }),
      fact({ keyId: "key_b", model: "small", chargedNanos: 80n, durationMs: 200, status: 499 }),
      fact({ keyId: "key_c", model: "big", outcome: "failed", status: 502, chargedNanos: 0n }),
      fact({ keyId: "key_c", outcome: "cached", chargedNanos: 10n, upstreamNanos: 0n }),
      fact({
        ...{ keyId: "key_b", model: "small", outcome: "refused", status: 429, requests: 30 },
        ...{ currency: "", priceId: "", chargedNanos: 0n, inputTokens: 0, outputTokens: 0 },
        ...{ durationMs: 0, firstTokenMs: 0, upstreamKnown: false, upstreamNanos: 0n },
      }),
      fact({ keyId: "key_d", upstreamKnown: false, upstreamNanos: 0n, chargedNanos: 5n }),
    ]);
  });

  test("groups come ranked, with the rest in one row and totals over all", async () => {
    const answer = await ask(organisationId, { groupBy: ["key"], limit: 2 });
    assert.deepEqual(
      answer.rows.map(({ group, isRest, requests, chargedNanos, errors }) => [
        ...[group, isRest, requests, chargedNanos, errors],
      ]),
      [
        [["key_a"], false, 2n, 1_000n, 0n],
        [["key_b"], false, 31n, 80n, 30n],
        [[""], true, 3n, 15n, 1n],
      ],
    );
    assert.equal(answer.restGroups, 2n);
    assert.equal(answer.totals.length, 1, "what has no currency joins the organisation's");
    assert.deepEqual([answer.totals[0]?.requests, answer.totals[0]?.chargedNanos], [36n, 1_095n]);
    assert.ok(answer.recordedAtMs > 0n);
  });

  test("by status, outcome and two fields at once; ranked by requests, tokens, errors", async () => {
    const byStatus = await ask(organisationId, { groupBy: ["status"], rankBy: "requests" });
    assert.deepEqual(
      byStatus.rows.map(({ group, requests }) => [group[0], requests]),
      [
        ["429", 30n],
        ["200", 4n],
        ["499", 1n],
        ["502", 1n],
      ],
    );
    const both = await ask(organisationId, { groupBy: ["model", "outcome"], rankBy: "errors" });
    assert.deepEqual(both.rows[0]?.group, ["small", "refused"]);
    const tokens = await ask(organisationId, { groupBy: ["model"], rankBy: "tokens" });
    assert.deepEqual(tokens.rows[0]?.group, ["big"]);
  });

  test("filters narrow it, each by any of its values", async () => {
    const filter = { keyIds: ["key_a", "key_b"], statuses: [200, 499] };
    const { totals } = await ask(organisationId, { filter });
    assert.deepEqual([totals[0]?.requests, totals[0]?.chargedNanos], [3n, 1_080n]);
    const none = await ask(organisationId, { filter: { models: ["other"] } });
    assert.deepEqual([none.rows, none.totals], [[], []]);
  });

  test("percentiles are of what was answered, within two hundredths", async () => {
    const { rows, totals } = await ask(organisationId, { groupBy: ["model"], latency: true });
    const small = rows.find(({ group }) => group[0] === "small")?.duration;
    assert.equal(small?.count, 2n);
    assert.ok(Math.abs(small.p50 - 100) <= 2 && Math.abs(small.p99 - 200) <= 4);
    assert.equal(totals[0]?.duration?.count, 6n);
    assert.ok(Math.abs((totals[0]?.firstToken?.p95 ?? 0) - 80) <= 1.6);
  });

  test("the margin compares what was charged with what is known to have been taken", async () => {
    const { totals } = await ask(organisationId);
    assert.deepEqual([totals[0]?.upstreamNanos, totals[0]?.marginChargedNanos], [200n, 1_090n]);
    const developer = asPerson(organisationId, { roles: ["developer"] });
    const seen = await house.asker.queryUsage({ organisationId, ...wholeDay }, developer);
    assert.deepEqual([seen.totals[0]?.upstreamNanos, seen.totals[0]?.requests], [0n, 36n]);
  });

  test("steps are minutes, hours or days; a time within one is moved outwards and told", async () => {
    const time = { fromMs: BigInt(noonMs - 90_001), untilMs: BigInt(noonMs + 1) };
    for (const [step, length] of Object.entries(stepMs)) {
      const answer = await ask(organisationId, { ...time, step, groupBy: ["model"], limit: 1 });
      const at = BigInt(Math.floor(noonMs / length) * length);
      assert.ok(answer.rows.length > 0 && answer.rows.every(({ atMs }) => atMs === at), step);
      assert.equal(answer.untilMs, at + BigInt(length));
      assert.ok(answer.rows.some(({ isRest }) => isRest));
    }
  });

  test("what makes no sense or too many rows is refused clearly", async () => {
    const wrong = [
      { untilMs: wholeDay.fromMs },
      { groupBy: ["shoe size"] },
      { groupBy: ["key", "key"] },
      { groupBy: ["key", "model", "user", "status"] },
      { step: "fortnight" },
      { rankBy: "luck" },
      { filter: { statuses: [70_000] } },
      { filter: { models: ["\0"] } },
    ];
    for (const request of wrong) {
      assert.equal(await refusalOf(ask(organisationId, request)), "analytics.malformed");
    }
    const fine = { step: "minute", groupBy: ["key"], fromMs: BigInt(noonMs - 2 * stepMs.day) };
    assert.equal(await refusalOf(ask(organisationId, fine)), "analytics.too_fine");
    const percentiles = { ...fine, groupBy: [], latency: true };
    assert.equal(await refusalOf(ask(organisationId, percentiles)), "analytics.too_fine");
  });

  test("another organisation does not exist, and without analytics:read nothing is seen", async () => {
    const stranger = asPerson(newId(world, "org"));
    const calls = [
      house.asker.queryUsage({ organisationId, ...wholeDay }, stranger),
      house.asker.forecastUsage({ organisationId }, stranger),
      house.asker.exportUsage({ organisationId, ...wholeDay, format: "csv" }, stranger),
    ];
    for (const call of calls) {
      assert.equal(await refusalOf(call), "analytics.organisation_not_found");
    }
    const viewer = asPerson(organisationId, { roles: ["viewer"] });
    const refused = house.asker.queryUsage({ organisationId, ...wholeDay }, viewer);
    assert.equal(await refusalOf(refused), "analytics.forbidden");
    const inference = asPerson(organisationId, { keyId: "key_1", scopes: ["inference"] });
    const byKey = house.asker.queryUsage({ organisationId, ...wholeDay }, inference);
    assert.equal(await refusalOf(byKey), "analytics.forbidden");
  });
});

describe("forecasts", () => {
  test("go on from the days that were, with an interval, to the end of the month", async () => {
    const organisationId = newId(world, "org");
    const today = Math.floor(Date.now() / stepMs.day) * stepMs.day;
    const settledAtMs = BigInt(Date.now());
    const facts = Array.from({ length: 30 }, (_, index) =>
      newFact({
        ...{ organisationId, chargedNanos: 1_000n, settledAtMs },
        atMs: BigInt(today - index * stepMs.day - 1_000),
      }),
    );
    await house.tell(facts);
    const forecast = await house.asker.forecastUsage(
      { organisationId, days: 10 },
      asPerson(organisationId),
    );
    assert.equal(forecast.daysSeen, 30);
    assert.equal(forecast.days.length, 10);
    assert.equal(forecast.currency, "USD");
    assert.equal(Number(forecast.days[0]?.atMs), today);
    for (const { expectedNanos, lowNanos, highNanos } of forecast.days) {
      assert.deepEqual([expectedNanos, lowNanos, highNanos], [1_000n, 1_000n, 1_000n]);
    }
    assert.equal(forecast.burnWeekNanos, 1_000n);
    const { monthSoFarNanos, monthExpectedNanos, monthLowNanos, monthHighNanos } = forecast;
    const monthDays = BigInt(
      new Date(new Date().getUTCFullYear(), new Date().getUTCMonth() + 1, 0).getDate(),
    );
    assert.ok(monthLowNanos <= monthExpectedNanos && monthExpectedNanos <= monthHighNanos);
    assert.ok(monthExpectedNanos >= monthSoFarNanos);
    assert.ok(
      monthExpectedNanos <= monthDays * 1_000n && monthExpectedNanos > (monthDays - 2n) * 1_000n,
    );
  });
});

describe("time", () => {
  test("takes calls, then minutes, then hours, and leaves days", async () => {
    const organisationId = newId(world, "org");
    await house.tell([newFact({ organisationId })]);
    const count = async (table: string): Promise<number> => {
      const { rows } = await sql<{ count: bigint }>`
        select count(*) from ${sql.table(table)} where series_id in (
          select id from series where organisation_id = ${organisationId})`.execute(house.database);
      return Number(rows[0]?.count);
    };
    const retention = { facts: 10, sums: { minute: 20, hour: 30, day: 40 } };
    const after = async (days: number) => {
      await forgetOld(house.database, { retention, nowMs: noonMs + days * stepMs.day });
      const tables = ["facts", "usage_minutes", "usage_hours", "usage_days"];
      return Promise.all(tables.map(count));
    };
    assert.deepEqual(await after(9), [1, 1, 1, 1]);
    assert.deepEqual(await after(11), [0, 1, 1, 1]);
    assert.deepEqual(await after(21), [0, 0, 1, 1]);
    assert.deepEqual(await after(31), [0, 0, 0, 1]);
    assert.deepEqual(await after(41), [0, 0, 0, 0]);
  });
});

test("the schema goes back and forth again", async () => {
  const { database } = house;
  await migrate(database, migrations, { to: "0001-inbox" });
  await migrate(database, migrations, { to: "none" });
  await migrate(database, migrations);
});

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Fault } from "@tandem/libs/kernel";
import { sql } from "@tandem/libs/store";
import { type SeededRandom, seededRandom } from "@tandem/libs/testing";
import { newId, sleep } from "@tandem/libs/world";
import { type Level, levels, stepMs } from "./core/steps.ts";
import { tableOf } from "./store/levels.ts";
import {
  type AnalyticsHouse,
  asPerson,
  batchOf,
  type FactInit,
  newFact,
  openAnalyticsHouse,
  world,
} from "./testing/analytics-house.ts";

let house: AnalyticsHouse;

before(async () => {
  house = await openAnalyticsHouse();
});
after(() => house.close());

const start = Date.UTC(2026, 10, 20);

function pick<Value>(random: SeededRandom, values: readonly [Value, ...Value[]]): Value {
  return values[Math.floor(random.fraction() * values.length)] ?? values[0];
}

function randomFact(random: SeededRandom, organisationId: string): FactInit {
  const number = (most: number): number => Math.floor(random.fraction() * most);
  const outcome = pick(random, ["complete", "complete", "partial", "failed", "cached", "refused"]);
  const isRefused = outcome === "refused";
  return newFact({
    ...{ organisationId, outcome, keyId: `key_${number(4)}`, userId: `usr_${number(2)}` },
    ...{ model: pick(random, ["big", "small"]), status: isRefused ? 429 : 200 },
    requests: isRefused ? 1 + number(50) : 1,
    ...{ inputTokens: number(5_000), outputTokens: number(900), cachedInputTokens: number(9) },
    chargedNanos: isRefused ? 0n : BigInt(number(1e9)),
    ...{ durationMs: number(60_000), firstTokenMs: number(900), estimated: number(2) === 0 },
    atMs: BigInt(start + number(3 * stepMs.day)),
  });
}

/** What takes something off every tenth of them. */
function correctionsOf(facts: readonly FactInit[]): readonly FactInit[] {
  return facts
    .filter(({ chargedNanos = 0n }, index) => index % 10 === 0 && chargedNanos > 5n)
    .map((fact) => ({
      ...fact,
      ...{ id: `${fact.id}+back`, corrects: fact.id ?? "", requests: 0, upstreamNanos: 0n },
      ...{ chargedNanos: -5n, inputTokens: 0, cachedInputTokens: 0, outputTokens: 0 },
    }));
}

/** The same facts in events of all kinds: overlapping, repeated, out of order. */
function eventsOf(random: SeededRandom, facts: readonly FactInit[]) {
  const events: { readonly eventId: string; readonly batch: Uint8Array }[] = [];
  for (let at = 0; at < facts.length; at += 25) {
    const overlap = Math.floor(random.fraction() * 15);
    const part = facts.slice(Math.max(0, at - overlap), at + 25);
    const event = { eventId: newId(world, "evt"), batch: batchOf(part) };
    events.push(event, event, event);
  }
  return events.sort(() => random.fraction() - 0.5);
}

/** As an outbox does: again until it is acknowledged. */
async function deliver(event: { eventId: string; batch: Uint8Array }, at: number): Promise<void> {
  for (let attempt = 0; ; attempt += 1) {
    try {
      await house.tellers[(at + attempt) % 2 === 0 ? 0 : 1].recordUsage(event);
      return;
    } catch (error) {
      if (!Fault.is(error) || attempt > 200) throw error;
      await sleep(world, 20);
    }
  }
}

/** Sums, and both sketches, recomputed from the facts: rows in which the two differ. */
async function differences(level: Level): Promise<readonly unknown[]> {
  const sketch = (column: string) => sql`(
    select coalesce(array_agg((bin << 32) | total order by bin), '{}') from (
      select case when ms <= 1 then 0
          else ceil(ln(ms::float8) / ln(1.02 / 0.98) - 1e-9)::bigint end as bin, count(*) as total
      from unnest(array_agg(${sql.id(column)}) filter (where outcome <> 'refused')) as ms
      where ms > 0 group by 1) as counted)`;
  const { rows } = await sql`
    with wanted as (
      select series_id, at_ms - at_ms % ${stepMs[level]}::bigint as at_ms,
        sum(requests)::bigint as requests, sum(input_tokens)::bigint as input_tokens,
        sum(cached_input_tokens)::bigint as cached_input_tokens,
        sum(output_tokens)::bigint as output_tokens,
        sum(reasoning_tokens)::bigint as reasoning_tokens,
        sum(charged_nanos)::bigint as charged_nanos, sum(upstream_nanos)::bigint as upstream_nanos,
        coalesce(sum(requests) filter (where estimated), 0)::bigint as estimated_requests,
        ${sketch("duration_ms")} as durations, ${sketch("first_token_ms")} as first_tokens
      from facts join series on series.id = series_id group by 1, 2
    )
    (select * from wanted except select * from ${sql.table(tableOf[level])})
    union all
    (select * from ${sql.table(tableOf[level])} except select * from wanted)`.execute(
    house.database,
  );
  return rows;
}

for (const seed of ["late", "twice", "lost"]) {
  test(`whatever is repeated, reordered, sent at once or killed (${seed}): sums equal facts`, async () => {
    const random = seededRandom(seed);
    const organisationId = newId(world, "org");
    const told = Array.from({ length: 400 }, () => randomFact(random, organisationId));
    const corrections = correctionsOf(told);
    const facts = [...told, ...corrections];
    const events = [...eventsOf(random, corrections), ...eventsOf(random, told)];
    const delivered = Promise.all(events.map(deliver));
    if (seed === "lost") {
      await sleep(world, 30);
      await house.postgres.kill();
      await house.postgres.start();
    }
    await delivered;
    for (const level of levels) assert.deepEqual(await differences(level), [], level);
    const total = <Value>(of: (fact: FactInit) => Value): bigint =>
      facts.reduce((sum, fact) => sum + BigInt(Number(of(fact) ?? 0)), 0n);
    for (const step of ["none", "hour"]) {
      const { totals } = await house.asker.queryUsage(
        {
          ...{ organisationId, step, groupBy: ["key", "model"], limit: 3 },
          fromMs: BigInt(start - 1),
          untilMs: BigInt(start + 3 * stepMs.day + 1),
        },
        asPerson(organisationId),
      );
      assert.equal(totals.length, 1);
      assert.equal(
        totals[0]?.chargedNanos,
        total(({ chargedNanos }) => chargedNanos),
      );
      assert.equal(
        totals[0]?.requests,
        total(({ requests }) => requests),
      );
      assert.equal(
        totals[0]?.inputTokens,
        total(({ inputTokens }) => inputTokens),
      );
    }
  });
}

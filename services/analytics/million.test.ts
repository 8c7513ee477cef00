import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { sql } from "@tandem/libs/store";
import { stepMs } from "./core/steps.ts";
import {
  type AnalyticsHouse,
  asPerson,
  openAnalyticsHouse,
  world,
} from "./testing/analytics-house.ts";

const facts = 1_000_000;
const days = 30;
const organisationId = "org_million";
/** What a question is promised to take on two cores. */
const promisedMs = 1_000;
const times = 3;

let house: AnalyticsHouse;
const today = Math.floor(Date.now() / stepMs.day) * stepMs.day;
const month = { fromMs: BigInt(today - days * stepMs.day), untilMs: BigInt(today) };

before(async () => {
  house = await openAnalyticsHouse({ minuteDays: 60 });
  await fill();
});
after(() => house.close());

/**
 * A million calls of 50 keys in a month, made inside of the database, and their sums. A few of the
 * keys make most of them, each key uses two of eight models, nine calls of ten end well.
 */
async function fill(): Promise<void> {
  await house.database.connection().execute(async (connection) => {
    const run = (query: string) => sql.raw(query).execute(connection);
    await run(`
      set synchronous_commit = off; set work_mem = '128MB'; set maintenance_work_mem = '256MB';
      alter table facts drop constraint facts_pkey; drop index facts_in_time`);
    await run(`
      insert into series (id, digest, organisation_id, project_id, user_id, key_id, model,
        upstream, endpoint, outcome, status, currency, price_id, input_price, cached_input_price,
        output_price, upstream_known)
      overriding system value
      select n, n, '${organisationId}', 'prj_' || n / 8 % 5, 'usr_' || n / 8 % 10,
        'key_' || n / 8, 'model-' || (n / 8 * 3 + n / 4 % 2) % 8, 'one', 'chat',
        (array['complete', 'partial', 'cached', 'failed'])[1 + n % 4],
        (array[200, 499, 200, 502])[1 + n % 4], 'USD', 'prc_1', 1000000, 100000, 2000000, true
      from generate_series(0, 399) as n`);
    await run(`
      insert into facts (id, series_id, organisation_id, at_ms, settled_at_ms, requests,
        input_tokens, cached_input_tokens, output_tokens, reasoning_tokens, charged_nanos,
        upstream_nanos, estimated, stream, duration_ms, first_token_ms)
      select 'req_' || n,
        8 * (n::bigint * 7919 % 1009 * (n::bigint * 7919 % 1009) * 50 / 1018081)
          + 4 * (n % 2) + greatest(0, n % 30 - 26),
        '${organisationId}', at, at, 1, n % 3000, n % 100, n % 700, 0, n % 9000, n % 4000,
        false, true, 50 + (n::bigint * 31 % 8000), 20 + n % 400
      from generate_series(1, ${facts}) as n,
        lateral (
          select ${month.fromMs} + n::bigint * ${days * stepMs.day} / ${facts + 1}
        ) as times(at)`);
    await run(`
      alter table facts add primary key (id);
      create index facts_in_time on facts (organisation_id, at_ms, id)`);
    const edges = `where at_ms < ${Number(month.fromMs) + stepMs.day}
      or at_ms >= ${Number(month.untilMs) - stepMs.day}`;
    await fillSums(run, { table: "usage_minutes", step: stepMs.minute, where: edges });
    await fillSums(run, { table: "usage_hours", step: stepMs.hour, where: "" });
    await fillSums(run, { table: "usage_days", step: stepMs.day, where: "" });
    await run("analyze");
  });
}

/** Minutes of the first and last day are enough: those between are not read. */
async function fillSums(
  run: (query: string) => Promise<unknown>,
  { table, step, where }: { readonly table: string; readonly step: number; readonly where: string },
): Promise<void> {
  const bin = (column: string): string => `(ceil(ln(${column}) / 0.04000533)::bigint << 32) | 1`;
  await run(`
    insert into ${table}
    select series_id, at_ms - at_ms % ${step}, count(*), sum(input_tokens),
      sum(cached_input_tokens), sum(output_tokens), 0, sum(charged_nanos), sum(upstream_nanos), 0,
      merge_sketches(array_agg(${bin("duration_ms")}), array_agg(0::bigint) filter (where false)),
      merge_sketches(array_agg(${bin("first_token_ms")}), array_agg(0::bigint) filter (where false))
    from facts ${where} group by 1, 2`);
}

/** Milliseconds that this process and the database's have computed so far. */
async function computedMs(): Promise<number> {
  const { rows } = await sql<{ pid: number }>`
    select pid from pg_stat_activity where datname = current_database()`.execute(house.database);
  const ticks = rows.map(({ pid }) => {
    // Parallel workers are counted to the postmaster, whose children they were.
    const fields = statOf(pid);
    return Number(fields[11]) + Number(fields[12]);
  });
  const postmaster = statOf(Number(statOf(rows[0]?.pid ?? 0)[1]));
  const { user, system } = process.cpuUsage();
  const all = ticks.reduce((sum, each) => sum + each, 0);
  const ofWorkers = Number(postmaster[13]) + Number(postmaster[14]);
  return (all + ofWorkers) * 10 + (user + system) / 1_000;
}

/** Fields of `/proc/<pid>/stat` behind the name: state, ppid … utime, stime, cutime, cstime. */
function statOf(pid: number): readonly string[] {
  const text = readFileSync(`/proc/${pid}/stat`, "utf8");
  return text.slice(text.lastIndexOf(")") + 2).split(" ");
}

/**
 * What it takes to compute, which is what it takes to wait where nobody else wants the machine;
 * with two cores and two connections rather less. The time waited is printed: it is the machine's.
 */
async function costOf(name: string, run: () => Promise<unknown>): Promise<number> {
  await run();
  const before = await computedMs();
  let waitedMs = Number.POSITIVE_INFINITY;
  for (let time = 0; time < times; time += 1) {
    const startMs = world.clock.monotonicMs();
    await run();
    waitedMs = Math.min(waitedMs, world.clock.monotonicMs() - startMs);
  }
  const cost = ((await computedMs()) - before) / times;
  process.stdout.write(`  ${name}: ${Math.round(cost)} ms of CPU, ${Math.round(waitedMs)} ms\n`);
  return cost;
}

const ask = (request: object) =>
  house.asker.queryUsage(
    { organisationId, ...month, ...request },
    { ...asPerson(organisationId), deadlineMs: 10_000 },
  );

const questions: Readonly<Record<string, object>> = {
  "a month by model": { groupBy: ["model"] },
  "a month by key and model, with percentiles": { groupBy: ["key", "model"], latency: true },
  "a month by day and model": { groupBy: ["model"], step: "day" },
  "a month by hour and model": { groupBy: ["model"], step: "hour" },
  "a week by hour, with percentiles": {
    ...{ fromMs: month.untilMs - BigInt(7 * stepMs.day), step: "hour", latency: true },
  },
  "top five users of a month, by tokens": { groupBy: ["user"], rankBy: "tokens", limit: 5 },
  "an uneven time, by status": {
    ...{ groupBy: ["status"], fromMs: month.fromMs + 4_020_000n, untilMs: month.untilMs - 60_000n },
  },
  "a day by minute, one key": {
    ...{ fromMs: month.untilMs - BigInt(stepMs.day), step: "minute" },
    filter: { keyIds: ["key_7"] },
  },
};

for (const [name, request] of Object.entries(questions)) {
  test(`a million facts: ${name}, in under a second`, async () => {
    const { totals } = await ask(request);
    assert.ok((totals[0]?.requests ?? 0n) > 0n);
    assert.ok((await costOf(name, () => ask(request))) < promisedMs);
  });
}

test("a million facts: a month by hour with percentiles, in under a second of two cores", async () => {
  const run = () => ask({ step: "hour", latency: true });
  // Durations and first tokens are counted at once, over a connection and a core each.
  assert.ok((await costOf("a month by hour, with percentiles", run)) < 2 * promisedMs);
});

test("a million facts: a forecast in under a second", async () => {
  const forecast = () =>
    house.asker.forecastUsage(
      { organisationId },
      { ...asPerson(organisationId), deadlineMs: 10_000 },
    );
  assert.ok((await costOf("forecast", forecast)) < promisedMs);
});

test("a million facts: pages of an export cost alike at its beginning and far behind it", async () => {
  const page = (after: string, format = "ndjson") =>
    house.asker.exportUsage(
      { organisationId, ...month, format, after, limit: 5_000 },
      { ...asPerson(organisationId), deadlineMs: 10_000 },
    );
  const first = await costOf("first page of calls", () => page(""));
  const far = await costOf("page behind 900,000 calls", () => page("req_900000"));
  assert.ok(first < promisedMs && far < promisedMs);
  const focus = await costOf("page of FOCUS hours", () => page("hour_1_200", "focus"));
  assert.ok(focus < promisedMs);
});

test("the sums of the test's own facts are right: all are in each level", async () => {
  for (const step of ["none", "hour"]) {
    const { totals } = await ask({ step });
    assert.equal(totals[0]?.requests, BigInt(facts));
  }
});

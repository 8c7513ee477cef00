import assert from "node:assert/strict";
import { test } from "node:test";
import { finishAdmitted, type LimitGrant } from "@tandem/libs/gateway";
import { Fault } from "@tandem/libs/kernel";
import { seededWorld } from "@tandem/libs/testing";
import type { Payer } from "../money/wallet-line.ts";
import { LimitDesk } from "./limit-desk.ts";
import type { LimitCall, LimitReply, Passage } from "./organisation-limits.ts";
import { durationText, rateLimitFields } from "./rate-limit-fields.ts";

const payer: Payer = {
  organisationId: "org_1",
  projectId: "",
  userId: "",
  keyId: "key_1",
  model: "m",
};
const small = { tokens: 10 };

function grantOf(part: Partial<LimitGrant>): LimitGrant {
  return {
    limitId: "lim_1",
    kind: "requests",
    granted: 5,
    limit: 60,
    remaining: 50,
    resetMs: 9_500,
    retryAfterMs: 0,
    windowMs: 60_000,
    ...part,
  };
}

function bench(reply: (call: LimitCall) => readonly LimitGrant[] | Error) {
  const seeded = seededWorld();
  const calls: LimitCall[] = [];
  let underWay = 0;
  let mostUnderWay = 0;
  const fleet = { replicas: 2 };
  const desk = new LimitDesk({
    world: seeded.world,
    get replicas() {
      return fleet.replicas;
    },
    callQuota: async (call): Promise<LimitReply> => {
      calls.push(call);
      underWay += 1;
      mostUnderWay = Math.max(mostUnderWay, underWay);
      await Promise.resolve();
      underWay -= 1;
      const grants = reply(call);
      if (grants instanceof Error) throw grants;
      return { grants, validMs: 1_000, placesValidMs: 3_000, isDegraded: false };
    },
  });
  const run = async (ms: number): Promise<void> => {
    for (let passed = 0; passed < ms; passed += 100) {
      await seeded.advance(100);
      desk.tick(seeded.world.clock.monotonicMs());
    }
    await seeded.advance(0);
  };
  return { ...seeded, desk, fleet, calls, run, mostUnderWay: () => mostUnderWay };
}

async function refusal(attempt: () => Passage | Promise<Passage>): Promise<Fault> {
  try {
    await attempt();
  } catch (error) {
    assert.ok(Fault.is(error));
    return error;
  }
  return assert.fail("was admitted");
}

test("the first request asks, and the next ones pass by what was granted", async () => {
  const { desk, calls } = bench(() => [grantOf({})]);
  await desk.admit(payer, small);
  for (let count = 0; count < 3; count += 1) {
    assert.ok(!(desk.admit(payer, small) instanceof Promise));
  }
  assert.equal(calls.length, 1);
  assert.equal(calls[0]?.requestsWanted, 1);
});

test("a refusal is 429 with the wait in it, and is not asked for again meanwhile", async () => {
  const { desk, calls, run } = bench((call) =>
    calls.length === 1
      ? [grantOf({ granted: 1 })]
      : [grantOf({ granted: call.requestsWanted > 0 ? 0 : 1, retryAfterMs: 1_500 })],
  );
  await desk.admit(payer, small);
  await run(0);
  const fault = await refusal(() => desk.admit(payer, small));
  assert.equal(fault.reason, "ai.rate_limited");
  assert.equal(fault.httpStatus, 429);
  assert.equal(fault.retryAfterMs, 1_500);
  assert.equal(fault.context["limit"], 60);
  const asked = calls.length;
  await refusal(() => desk.admit(payer, small));
  assert.equal(calls.length, asked);
});

test("a refusal that a change of limits overtook on its way is asked for again", async () => {
  let isRaised = false;
  const { desk, calls } = bench((call) => {
    if (isRaised) return [grantOf({ granted: 5 })];
    isRaised = true;
    // While this answer is under way the limit is raised, and that is heard first.
    desk.forget([call.payer.organisationId]);
    return [grantOf({ granted: 0, retryAfterMs: 600_000 })];
  });
  await desk.admit(payer, small);
  assert.equal(calls.length, 2);
  assert.ok(!(desk.admit(payer, small) instanceof Promise));
});

test("a refusal of hours is asked for again after seconds: the word of a raise may be lost", async () => {
  let isRaised: boolean = false;
  const { desk, calls, run } = bench(() => [
    isRaised ? grantOf({ granted: 5 }) : grantOf({ granted: 0, retryAfterMs: 3_600_000 }),
  ]);
  await refusal(() => desk.admit(payer, small));
  isRaised = true;
  await run(4_000);
  const fault = await refusal(() => desk.admit(payer, small));
  assert.ok((fault.retryAfterMs ?? 0) > 3_590_000, "told as quota told it");
  assert.equal(calls.length, 1, "not asked for by every request");
  await run(2_000);
  await desk.admit(payer, small);
  assert.equal(calls.length, 2);
});

test("an organisation without limits is asked for once a lease, not once a request", async () => {
  const { desk, calls, run } = bench(() => []);
  await desk.admit(payer, small);
  for (let round = 0; round < 100; round += 1) void desk.admit(payer, small);
  assert.equal(calls.length, 1);
  await run(600);
  void desk.admit(payer, small);
  await run(0);
  assert.equal(calls.length, 2, "renewed in the background, half way through");
});

test("one call of an organisation is under way at a time, and everybody is served", async () => {
  const { desk, mostUnderWay } = bench(() => [grantOf({ granted: 100 })]);
  const all = Array.from({ length: 20 }, (_, index) =>
    desk.admit({ ...payer, keyId: `key_${index % 5}` }, small),
  );
  await Promise.all(all);
  assert.equal(mostUnderWay(), 1);
});

test("while quota is away requests pass by this replica's share, marked", async () => {
  const quota = { isAway: false as boolean };
  const { desk, run } = bench(() => (quota.isAway ? new Error("gone") : [grantOf({ granted: 2 })]));
  await desk.admit(payer, small);
  quota.isAway = true;
  let passed = 0;
  let degraded = 0;
  for (let round = 0; round < 600; round += 1) {
    await run(100);
    try {
      const passage = await desk.admit(payer, small);
      passed += 1;
      if (passage.isDegraded) degraded += 1;
    } catch (error) {
      assert.ok(Fault.is(error) && error.reason === "ai.rate_limited");
    }
  }
  assert.ok(passed > 20 && passed < 60, `${passed} in a minute of a share of 30`);
  assert.ok(degraded >= passed - 3);
});

test("after a scale-up a replica's share is a smaller one, at once", async () => {
  const quota = { isAway: false as boolean };
  const { desk, fleet, run } = bench(() =>
    quota.isAway ? new Error("gone") : [grantOf({ granted: 2 })],
  );
  await desk.admit(payer, small);
  quota.isAway = true;
  const passedInAMinute = async (): Promise<number> => {
    let passed = 0;
    for (let round = 0; round < 600; round += 1) {
      await run(100);
      if (await Promise.resolve(desk.admit(payer, small)).then(Boolean, () => false)) passed += 1;
    }
    return passed;
  };
  const oneOfTwo = await passedInAMinute();
  fleet.replicas = 6;
  const oneOfSix = await passedInAMinute();
  assert.ok(oneOfSix * 2 < oneOfTwo, `${oneOfTwo} of two, ${oneOfSix} of six`);
});

test("a caller whose limits were never told passes an outage, marked", async () => {
  const { desk } = bench(() => new Error("gone"));
  const passage = await desk.admit(payer, small);
  assert.equal(passage.isDegraded, true);
});

test("places in use are told in time, and given back when their requests end", async () => {
  const place = grantOf({ kind: "concurrency", granted: 3, limit: 3, windowMs: 0 });
  const { desk, calls, run } = bench((call) => [
    { ...place, granted: Math.min(call.placesWanted, 3) },
  ]);
  const passage = await desk.admit(payer, small);
  await run(4_000);
  const tellings = calls.filter(({ held }) => held.get("lim_1") !== undefined);
  assert.ok(tellings.length >= 2, "silence would lose the place");
  finishAdmitted(passage.admitted, 5);
  await run(2_000);
  await desk.admit(payer, small);
  assert.ok((calls.at(-1)?.held.get("lim_1") ?? 0) <= 2);
});

test("the places of every limit in use are told in time, whoever asked last", async () => {
  const told: string[] = [];
  const { desk, run } = bench(({ payer: { keyId }, placesWanted }) => {
    told.push(keyId);
    const place = { kind: "concurrency", limit: 3, windowMs: 0 } as const;
    return [grantOf({ ...place, limitId: `lim_${keyId}`, granted: placesWanted })];
  });
  for (const keyId of ["key_1", "key_2"]) await desk.admit({ ...payer, keyId }, small);
  told.length = 0;
  await run(4_000);
  assert.deepEqual(new Set(told), new Set(["key_1", "key_2"]));
});

test("what goes on here holds places that nobody granted, and leaves them when it is over", async () => {
  const quota = { isAway: true as boolean };
  const limit = { kind: "concurrency", granted: 0, limit: 1, windowMs: 0 } as const;
  const { desk, calls, run } = bench(({ placesWanted, held }) => {
    if (quota.isAway) return new Error("gone");
    const isFree = placesWanted > 0 && (held.get("lim_1") ?? 0) === 0;
    return [grantOf({ ...limit, granted: isFree ? 1 : 0, retryAfterMs: isFree ? 0 : 100 })];
  });
  const [first, second] = [desk.goOn(payer), desk.goOn(payer)];
  await run(500);
  quota.isAway = false;
  await run(500);
  assert.equal(calls.at(-1)?.held.get("lim_1"), 2, "more than the limit, if need be");
  assert.equal((await refusal(() => desk.admit(payer, small))).reason, "ai.rate_limited");
  first.leave();
  await run(2_000);
  assert.equal((await refusal(() => desk.admit(payer, small))).reason, "ai.rate_limited");
  second.leave();
  await run(2_000);
  const { admitted } = await desk.admit(payer, small);
  finishAdmitted(admitted, 1);
  assert.ok(calls.length < 60, `${calls.length} calls`);
});

test("tokens not used go back with the next call when their lease has ended", async () => {
  const { desk, calls, run } = bench(() => [
    grantOf({ kind: "tokens", granted: 100, limit: 1_000 }),
  ]);
  const passage = await desk.admit(payer, small);
  finishAdmitted(passage.admitted, 4);
  await run(1_500);
  await desk.admit(payer, small);
  const returned = calls.map((call) => call.returned.get("lim_1") ?? 0);
  assert.ok(
    returned.some((amount) => amount >= 90),
    String(returned),
  );
});

test("changed limits are asked for before anything else is admitted", async () => {
  const { desk, calls } = bench(() => [grantOf({})]);
  await desk.admit(payer, small);
  desk.forget(["org_1"]);
  assert.ok(desk.admit(payer, small) instanceof Promise);
  assert.equal(calls.length, 2);
});

test("the standard fields show the tightest limit of each kind", async () => {
  const { desk } = bench(() => [
    grantOf({}),
    grantOf({ limitId: "lim_2", limit: 10, granted: 2, remaining: 3, resetMs: 61_000 }),
    grantOf({ limitId: "lim_3", kind: "tokens", limit: 5_000, granted: 500, remaining: 100 }),
  ]);
  const { subject } = await desk.admit(payer, small);
  const fields = new Map(rateLimitFields(subject, 0));
  assert.equal(fields.get("x-ratelimit-limit-requests"), "10");
  assert.equal(fields.get("x-ratelimit-remaining-requests"), "4");
  assert.equal(fields.get("x-ratelimit-reset-requests"), "1m1s");
  assert.equal(fields.get("x-ratelimit-limit-tokens"), "5000");
  assert.equal(fields.get("x-ratelimit-reset-tokens"), "10s");
});

test("durations are written as OpenAI writes them", () => {
  assert.deepEqual([12, 1_000, 360_000, 3_661_000].map(durationText), [
    "12ms",
    "1s",
    "6m0s",
    "1h1m1s",
  ]);
});

test("a raise that ends while quota is away ends here, too", async () => {
  const quota = { isAway: false as boolean };
  const raise = { endsInMs: 2_000, limitAfter: 60 };
  const { desk, run } = bench(() =>
    quota.isAway ? new Error("gone") : [grantOf({ limit: 60_000, granted: 100, raise })],
  );
  await desk.admit(payer, small);
  quota.isAway = true;
  await run(4_000);
  let passed = 0;
  for (let round = 0; round < 300; round += 1) {
    await run(100);
    try {
      await desk.admit(payer, small);
      passed += 1;
    } catch (error) {
      assert.ok(Fault.is(error) && error.reason === "ai.rate_limited");
    }
  }
  assert.ok(passed > 5 && passed < 60, `${passed} in half a minute of a share of 30 a minute`);
});

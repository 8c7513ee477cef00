import assert from "node:assert/strict";
import { test } from "node:test";
import type { WalletCall } from "@tandem/libs/gateway";
import { Fault } from "@tandem/libs/kernel";
import { seededWorld } from "@tandem/libs/testing";
import { WalletDesk } from "./wallet-desk.ts";
import type { Payer, Reservation, WalletReply } from "./wallet-line.ts";

const payer: Payer = {
  organisationId: "org_1",
  projectId: "prj_1",
  userId: "",
  keyId: "key_1",
  model: "m",
};

/** Quota with one wallet, as its contract has it; can be made to fail, or to lose its answers. */
function bench(total: bigint) {
  const seeded = seededWorld();
  const quota = {
    availableNanos: total,
    leases: new Map<string, { held: bigint; last: bigint; reply: WalletReply }>(),
    superseded: new Set<string>(),
    calls: [] as WalletCall[],
    scopedBy: [] as string[],
    failing: undefined as Error | undefined,
    isCallingIn: false as boolean,
    validMs: 5_000,
    losesAnswers: false as boolean,
  };
  const answer = (call: WalletCall): WalletReply => {
    const known = quota.leases.get(call.leaseId);
    if (known !== undefined && call.number <= known.last) return known.reply;
    const held = known?.held ?? 0n;
    const released = held > call.keptNanos ? held - call.keptNanos : 0n;
    quota.availableNanos += released;
    const room = quota.availableNanos;
    const isSuperseded = quota.superseded.has(call.leaseId);
    const wanted = isSuperseded ? 0n : call.neededNanos;
    const isShort = wanted > room;
    let granted = wanted;
    if (isShort) granted = room >= call.leastNanos && room > 0n ? room : 0n;
    else if (room >= wanted * 20n && wanted > 0n)
      granted = wanted > room / 100n ? wanted : room / 100n;
    quota.availableNanos -= granted;
    const reply: WalletReply = {
      grantedNanos: granted,
      validMs: quota.validMs,
      currency: "USD",
      limitSource: isShort ? "wallet" : "",
      resetsAtMs: 0,
      scopedBy: quota.scopedBy,
      isSuperseded: isSuperseded || (known === undefined && granted === 0n),
      isScarce: room < wanted * 20n || quota.isCallingIn,
      isCallingIn: isShort && quota.isCallingIn,
      warning: "",
    };
    if (known !== undefined || granted > 0n) {
      quota.leases.set(call.leaseId, { held: held - released + granted, last: call.number, reply });
    }
    return reply;
  };
  const desk = new WalletDesk({
    world: seeded.world,
    patienceMs: 2_000,
    callQuota: (_payer, call) => {
      quota.calls.push(call);
      if (quota.failing !== undefined) return Promise.reject(quota.failing);
      const reply = answer(call);
      return quota.losesAnswers ? Promise.reject(new Error("lost")) : Promise.resolve(reply);
    },
  });
  const run = async (ms: number): Promise<void> => {
    for (let passed = 0; passed < ms; passed += 100) {
      await seeded.advance(100);
      desk.tick(seeded.world.clock.monotonicMs());
    }
    await seeded.advance(0);
  };
  const held = (): bigint =>
    [...quota.leases.values()].reduce((sum, { held: own }) => sum + own, 0n);
  return { ...seeded, quota, desk, run, held };
}

async function take(
  desk: WalletDesk,
  nanos: bigint,
  part: Partial<Payer> & { least?: bigint } = {},
): Promise<Reservation> {
  const { least, ...fields } = part;
  return await desk.reserve(
    { ...payer, ...fields },
    { wantedNanos: nanos, leastNanos: least ?? nanos },
  );
}

test("the first request waits for a slice, and the next ones are carved from it at once", async () => {
  const { desk, quota } = bench(1_000_000n);
  const first = await take(desk, 100n);
  assert.equal(first.nanos, 100n);
  const second = desk.reserve(payer, { wantedNanos: 100n, leastNanos: 100n });
  assert.ok(!(second instanceof Promise));
  assert.equal(quota.calls.length, 1);
});

test("a slice is filled up in the background before it runs dry", async () => {
  const { desk, quota, advance } = bench(1_000_000n);
  await take(desk, 100n);
  for (let count = 0; count < 60; count += 1) {
    assert.ok(!(desk.reserve(payer, { wantedNanos: 100n, leastNanos: 100n }) instanceof Promise));
  }
  await advance(0);
  assert.ok(quota.calls.length >= 2);
  for (let count = 0; count < 60; count += 1) {
    assert.ok(!(desk.reserve(payer, { wantedNanos: 100n, leastNanos: 100n }) instanceof Promise));
  }
});

test("500 requests at once against money for ten: exactly ten pass", async () => {
  const { desk } = bench(1_000n);
  const results = await Promise.allSettled(Array.from({ length: 500 }, () => take(desk, 100n)));
  const passed = results.filter(({ status }) => status === "fulfilled");
  assert.equal(passed.length, 10);
  for (const result of results) {
    if (result.status !== "rejected") continue;
    assert.ok(Fault.is(result.reason));
    assert.equal(result.reason.reason, "ai.no_credit");
    assert.equal(result.reason.httpStatus, 402);
    assert.equal(result.reason.context["limit_source"], "wallet");
  }
});

test("a request that can do with less takes what is left", async () => {
  const { desk } = bench(70n);
  const { nanos } = await take(desk, 100n, { least: 50n });
  assert.equal(nanos, 70n);
  await assert.rejects(take(desk, 100n, { least: 50n }), { reason: "ai.no_credit" });
});

test("what a request did not use serves the next one, and a charge does not", async () => {
  const { desk, quota } = bench(100n);
  const { lease, nanos } = await take(desk, 100n);
  lease.finish(nanos, 40n);
  const next = await take(desk, 60n);
  assert.equal(next.nanos, 60n);
  assert.equal(quota.availableNanos, 0n);
  await assert.rejects(take(desk, 1n), { reason: "ai.no_credit" });
});

test("a refusal is remembered for half a second, or until money changed", async () => {
  const { desk, quota, run } = bench(0n);
  await assert.rejects(take(desk, 10n), { reason: "ai.no_credit" });
  const calls = quota.calls.length;
  await assert.rejects(take(desk, 10n), { reason: "ai.no_credit" });
  assert.equal(quota.calls.length, calls);
  quota.availableNanos = 1_000n;
  desk.forgetRefusals(["org_1"]);
  await take(desk, 10n);
  quota.availableNanos = 0n;
  await run(600);
});

test("while quota is away requests are told so after their patience, never that money is gone", async () => {
  const { desk, quota, run } = bench(1_000n);
  quota.failing = new Error("connect ECONNREFUSED");
  const waiting = take(desk, 10n).catch((error: unknown) => error);
  await run(2_300);
  const fault = await waiting;
  assert.ok(Fault.is(fault));
  assert.equal(fault.reason, "ai.wallet_unavailable");
  assert.equal(fault.httpStatus, 503);
  quota.failing = undefined;
  await run(200);
  const next = take(desk, 10n);
  await run(200);
  assert.equal((await next).nanos, 10n);
});

test("an answer that is lost moves money once: the same call is repeated", async () => {
  const { desk, quota, run, held } = bench(1_000n);
  quota.losesAnswers = true;
  const waiting = take(desk, 100n);
  await run(500);
  quota.losesAnswers = false;
  await run(300);
  const { lease, nanos } = await waiting;
  assert.equal(nanos, 100n);
  assert.equal(new Set(quota.calls.map(({ number }) => number)).size, 1);
  assert.equal(held(), lease.freeNanos + lease.carvedNanos);
});

test("a superseded lease is followed by another, and closed when its requests are settled", async () => {
  const { desk, quota, run, held } = bench(1_000_000n);
  const old = await take(desk, 100n);
  quota.superseded.add(old.lease.id);
  await run(3_000);
  const last = await take(desk, 100n);
  assert.equal(last.lease.id, old.lease.id);
  await run(500);
  const next = await take(desk, 100n);
  assert.notEqual(next.lease.id, old.lease.id);
  old.lease.finish(100n, 0n);
  await run(500);
  assert.equal(old.lease.state, "ending");
  old.lease.finish(100n, 0n);
  await run(500);
  assert.equal(old.lease.state, "closed");
  assert.equal(held(), next.lease.freeNanos + next.lease.carvedNanos);
});

test("money that nobody uses goes back after ten seconds but for a few requests', and all at the end", async () => {
  const { desk, quota, run, held } = bench(1_000_000n);
  const { lease, nanos } = await take(desk, 100n);
  lease.finish(nanos, 0n);
  await run(11_000);
  assert.equal(held(), 400n);
  await run(15 * 60_000);
  assert.equal(held(), 0n);
  assert.equal(quota.availableNanos, 1_000_000n);
  const again = await take(desk, 100n);
  again.lease.finish(again.nanos, 0n);
  await desk.close();
  assert.equal(held(), 0n);
});

test("money of a call whose answer never came goes back once nobody needs it", async () => {
  const { desk, quota, run, held } = bench(1_000_000n);
  quota.losesAnswers = true;
  const waiting = take(desk, 100n).catch((error: unknown) => error);
  await run(2_300);
  assert.ok(Fault.is(await waiting));
  assert.ok(held() > 0n);
  quota.losesAnswers = false;
  await run(12_000);
  assert.equal(held(), 400n);
});

test("a caller who was idle is served for as long as its lease is valid when quota is away", async () => {
  const { desk, quota, run, held } = bench(1_000_000n);
  const { lease, nanos } = await take(desk, 100n);
  lease.finish(nanos, 0n);
  quota.validMs = 90_000;
  await run(5 * 60_000);
  quota.failing = new Error("connect ECONNREFUSED");
  await run(55_000);
  for (let count = 0; count < 4; count += 1) {
    assert.ok(!(desk.reserve(payer, { wantedNanos: 100n, leastNanos: 100n }) instanceof Promise));
  }
  assert.equal(held(), 400n);
});

test("keeping a line ready costs a call in thirty seconds, and none for an empty one", async () => {
  const { desk, quota, run } = bench(1_000_000n);
  quota.validMs = 90_000;
  const { lease, nanos } = await take(desk, 100n);
  lease.finish(nanos, 0n);
  await run(20_000);
  const calls = quota.calls.length;
  await run(300_000);
  assert.equal(quota.calls.length - calls, 10);
});

test("money that is wanted elsewhere is given back at once, and waited for where it is wanted", async () => {
  const { desk, quota, run, held } = bench(10_000n);
  const idle = await take(desk, 100n, { organisationId: "org_1" });
  idle.lease.finish(idle.nanos, 0n);
  await run(12_000);
  assert.ok(held() > 0n);
  quota.isCallingIn = true;
  const other = bench(0n);
  other.quota.isCallingIn = true;
  const waiting = take(other.desk, 100n);
  await other.run(300);
  desk.forgetRefusals(["org_1"]);
  await run(300);
  assert.equal(held(), 0n);
  other.quota.availableNanos = 100n;
  await other.run(300);
  assert.equal((await waiting).nanos, 100n);
  const vain = take(other.desk, 100n).catch((error: unknown) => error);
  await other.run(1_300);
  const fault = await vain;
  assert.ok(Fault.is(fault));
  assert.equal(fault.reason, "ai.no_credit");
});

test("no more than two hundred lines of a replica keep money ready", async () => {
  const { desk, quota, run, held } = bench(1_000_000_000n);
  quota.scopedBy = ["key"];
  for (let key = 0; key < 250; key += 1) {
    const { lease, nanos } = await take(desk, 100n, { keyId: `key_${key}` });
    lease.finish(nanos, 0n);
  }
  await run(30_000);
  assert.equal(held(), 200n * 400n);
});

test("what was charged before its acknowledgement came is not held for ever", async () => {
  const { desk, quota, run, held } = bench(1_000_000n);
  const { lease, nanos } = await take(desk, 100n);
  lease.finish(nanos, nanos);
  // Quota has booked it, and the gateway gives the rest back before it hears of that.
  for (const known of quota.leases.values()) known.held -= nanos;
  await run(11_000);
  assert.equal(held(), nanos + 400n);
  lease.acknowledge(nanos);
  await run(500);
  assert.equal(held(), 400n);
  await desk.close();
  assert.equal(held(), 0n);
});

test("requests that budgets tell apart have lines of their own, and share one where they do not", async () => {
  const { desk, quota, run } = bench(1_000_000n);
  quota.scopedBy = ["key"];
  const one = await take(desk, 100n);
  const other = await take(desk, 100n, { keyId: "key_2" });
  const sameKey = await take(desk, 100n, { model: "another" });
  assert.notEqual(one.lease, other.lease);
  assert.equal(one.lease, sameKey.lease);
  quota.scopedBy = [];
  await run(3_000);
  await take(desk, 100n);
  await run(300);
  const first = await take(desk, 100n);
  const second = await take(desk, 100n, { keyId: "key_2" });
  assert.equal(first.lease, second.lease);
});

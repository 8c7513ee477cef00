import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { type Journal, openJournal } from "@tandem/libs/store/journal";
import { createLog } from "@tandem/libs/telemetry";
import { realWorld } from "@tandem/libs/world";
import fc from "fast-check";
import { noUsage } from "../core/money/token-usage.ts";
import { decodeSettlement, encodeSettlement, type Settlement } from "./settlement.ts";
import { type SettleReply, Settler } from "./settler.ts";

function settlementOf(requestId: string, chargedNanos = 5n): Settlement {
  return {
    requestId,
    leaseId: "lse_1",
    organisationId: "org_1",
    projectId: "",
    userId: "",
    keyId: "key_1",
    model: "m",
    upstream: "u",
    reservedNanos: 10n,
    chargedNanos,
    upstreamNanos: 0n,
    usage: noUsage,
    atMs: 1,
    outcome: "complete",
    priceId: "prc_1",
    currency: "USD",
    detail: {
      ...{ endpoint: "chat", status: 200, durationMs: 812, firstTokenMs: 0, requests: 1 },
      ...{ isStream: true, isUpstreamKnown: false, price: undefined },
    },
  };
}

const world = realWorld();

/** A lease that must not be told, since quota did not answer. */
const unheard = { acknowledge: () => assert.fail("quota did not answer") };

/** A replica with a real journal, and quota as a ledger by request id. */
async function bench() {
  const directory = await mkdtemp(join(tmpdir(), "settler-"));
  const lines: string[] = [];
  const log = createLog({ level: "debug", fields: {}, write: (line) => lines.push(line) });
  const ledger = new Map<string, bigint>();
  /** Amounts in the order in which quota was asked for them. */
  const sent: bigint[] = [];
  const quota = {
    fails: false as boolean,
    /** Calls that find the wallet locked by somebody else. */
    locked: 0,
    losesAnswers: false as boolean,
    refuses: new Set<string>(),
    batches: [] as number[],
  };
  const callQuota = (settlements: readonly Settlement[]): Promise<SettleReply> => {
    quota.batches.push(settlements.length);
    sent.push(...settlements.map(({ chargedNanos }) => chargedNanos));
    if (quota.fails) return Promise.reject(new Error("quota is away"));
    if (quota.locked > 0) {
      quota.locked -= 1;
      return Promise.resolve({ settled: [], refused: [] });
    }
    const refused = settlements.filter(({ requestId }) => quota.refuses.has(requestId));
    const booked = settlements.filter(({ requestId }) => !quota.refuses.has(requestId));
    for (const { requestId, chargedNanos } of booked) {
      if (!ledger.has(requestId)) ledger.set(requestId, chargedNanos);
    }
    if (quota.losesAnswers) return Promise.reject(new Error("answer lost"));
    return Promise.resolve({
      settled: booked.map(({ requestId }) => requestId),
      refused: refused.map(({ requestId }) => ({ requestId, reason: "conflict" })),
    });
  };
  const opened: Journal[] = [];
  const start = async (): Promise<Settler> => {
    const journal = await openJournal(directory, { world, log, windowMs: 0 });
    opened.push(journal);
    return new Settler({ world, log, journal, callQuota });
  };
  const stop = async (): Promise<void> => {
    for (const journal of opened.splice(0)) await journal.close();
  };
  const end = async (): Promise<void> => {
    await stop();
    await rm(directory, { recursive: true });
  };
  return { start, stop, end, ledger, quota, sent, lines };
}

test("a settlement survives its way through the journal, whatever is in it", () => {
  const text = fc.string({ unit: "grapheme" });
  const nanos = fc.bigInt(0n, 2n ** 62n);
  fc.assert(
    fc.property(
      text,
      text,
      nanos,
      nanos,
      fc.boolean(),
      fc.option(nanos, { nil: undefined }),
      (id, model, reserved, charged, isEstimated, each) => {
        const price =
          each === undefined
            ? undefined
            : { inputNanos: each, cachedInputNanos: 0n, outputNanos: each };
        const settlement: Settlement = {
          ...settlementOf(id),
          model,
          reservedNanos: reserved,
          chargedNanos: charged,
          usage: { ...noUsage, inputTokens: 7, isEstimated },
          detail: { ...settlementOf(id).detail, isUpstreamKnown: isEstimated, price },
        };
        assert.deepEqual(decodeSettlement(encodeSettlement(settlement)), settlement);
      },
    ),
  );
  for (const damaged of ["", "{}", "[2,1]", "not json"]) {
    assert.equal(decodeSettlement(Buffer.from(damaged)), undefined);
  }
});

test("what a version before this one wrote is read, and what this one adds hides nothing from it", () => {
  const record = JSON.parse(encodeSettlement(settlementOf("req_1", 5n)).toString());
  const before = decodeSettlement(Buffer.from(JSON.stringify(record.slice(0, 21))));
  assert.equal(before?.requestId, "req_1");
  assert.equal(before.chargedNanos, 5n);
  assert.equal(before.detail.requests, 1);
  assert.equal(before.detail.price, undefined);
  assert.deepEqual(record.slice(18, 21), ["complete", "prc_1", "USD"]);
});

test("what was settled reaches the ledger once, and its lease hears of it", async () => {
  const { start, end, ledger } = await bench();
  const settler = await start();
  let acknowledged = 0;
  for (let index = 0; index < 1_200; index += 1) {
    const acknowledge = (): void => {
      acknowledged += 1;
    };
    void settler.settle(settlementOf(`req_${index}`), { acknowledge });
  }
  await settler.drain();
  assert.equal(ledger.size, 1_200);
  assert.equal(acknowledged, 1_200);
  assert.equal(settler.backlog, 0);
  await end();
});

test("what a killed replica left is settled by its next life, and nothing twice", async () => {
  const { start, stop, end, ledger, quota } = await bench();
  quota.losesAnswers = true;
  const first = await start();
  await first.settle(settlementOf("req_1"), unheard);
  await first.drain();
  assert.equal(ledger.size, 1);
  await first.settle(settlementOf("req_2", 7n), unheard);
  await stop();
  quota.losesAnswers = false;
  const second = await start();
  assert.equal(await second.recover(), 2);
  await second.drain();
  assert.deepEqual(
    [...ledger],
    [
      ["req_1", 5n],
      ["req_2", 7n],
    ],
  );
  await stop();
  const third = await start();
  await third.recover();
  await third.drain();
  assert.equal(ledger.size, 2);
  await end();
});

test("while quota is away settlements wait, with growing pauses, and then all arrive", async () => {
  const { start, end, ledger, quota, lines } = await bench();
  quota.fails = true;
  const settler = await start();
  await settler.settle(settlementOf("req_1"), undefined);
  let nowMs = 0;
  for (let round = 0; round < 100; round += 1) {
    nowMs += 100;
    settler.tick(nowMs + world.clock.monotonicMs());
    await new Promise(setImmediate);
  }
  assert.ok(quota.batches.length >= 2);
  assert.ok(lines.some((line) => line.includes("settle_failed")));
  quota.fails = false;
  await settler.drain();
  assert.equal(ledger.size, 1);
  await end();
});

test("a refused settlement is told to people and not sent for ever", async () => {
  const { start, end, quota, lines } = await bench();
  quota.refuses.add("req_1");
  const settler = await start();
  let acknowledged = 0;
  const acknowledge = (): void => {
    acknowledged += 1;
  };
  await settler.settle(settlementOf("req_1"), { acknowledge });
  await settler.drain();
  assert.equal(settler.backlog, 0);
  assert.equal(acknowledged, 1);
  assert.ok(lines.some((line) => line.includes("settlement_refused")));
  await end();
});

test("what one request was settled at twice reaches quota, the smaller amount no second time", async () => {
  const { start, end, quota, sent } = await bench();
  const settler = await start();
  const heard: bigint[] = [];
  const payer = { acknowledge: (nanos: bigint) => void heard.push(nanos) };
  quota.fails = true;
  await settler.settle(settlementOf("req_1", 5n), payer);
  await settler.settle(settlementOf("req_1", 9n), payer);
  await settler.settle(settlementOf("req_1", 3n), payer);
  await settler.drain();
  assert.deepEqual(heard, []);
  quota.fails = false;
  sent.length = 0;
  await settler.drain();
  assert.deepEqual(sent, [5n, 9n]);
  assert.deepEqual(heard.sort(), [3n, 5n, 9n]);
  assert.equal(settler.backlog, 0);
  await end();
});

test("a kill between the two amounts of a request loses neither", async () => {
  const { start, stop, end, quota, sent } = await bench();
  quota.fails = true;
  const settler = await start();
  await settler.settle(settlementOf("req_1", 5n), unheard);
  await settler.settle(settlementOf("req_1", 9n), unheard);
  await stop();
  quota.fails = false;
  const next = await start();
  await next.recover();
  await next.drain();
  assert.deepEqual(sent.slice(-2), [5n, 9n]);
  await end();
});

test("those who cannot wait for the disk share calls to quota, and wait for a locked wallet", async () => {
  const { start, end, ledger, quota } = await bench();
  const settler = await start();
  quota.locked = 2;
  const ids = Array.from({ length: 30 }, (_, at) => `req_${at}`);
  await Promise.all(ids.map((id) => settler.settle(settlementOf(id), undefined)));
  const booked = await Promise.all(ids.map((id) => settler.settleNow(id)));
  assert.ok(booked.every(Boolean));
  assert.equal(ledger.size, 30);
  assert.deepEqual(quota.batches, [30, 30, 30]);
  quota.fails = true;
  await settler.settle(settlementOf("req_last"), undefined);
  assert.equal(await settler.settleNow("req_last"), false);
  await end();
});

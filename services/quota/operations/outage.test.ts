import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { QuotaService } from "@tandem/contracts/rpc/quota/v1/quota_pb";
import { Fault } from "@tandem/libs/kernel";
import type { RpcClient } from "@tandem/libs/rpc";
import { connectRpc, createLifecycle, type Replica } from "@tandem/libs/service";
import { createTestHouse, startTestPostgres, type TestPostgres } from "@tandem/libs/testing";
import { newId } from "@tandem/libs/world";
import { start } from "../main.ts";

const house = createTestHouse({ replicas: ["quota/1", "ai/1"], calls: { ai: ["quota"] } });
const gateway = house.site("ai/1");
const { world } = gateway;
const lifecycle = createLifecycle(gateway);
let postgres: TestPostgres;
let replica: Replica;
let quota: RpcClient<(typeof QuotaService)["method"]>;

before(async () => {
  postgres = await startTestPostgres();
  const site = house.site("quota/1", { databaseUrl: await postgres.createDatabase() });
  replica = await start(site);
  quota = connectRpc(gateway, lifecycle, { service: QuotaService, deployable: "quota" });
});

after(async () => {
  await lifecycle.replica(gateway.address).close({ deadlineMs: 1_000 });
  await replica.close({ deadlineMs: 1_000 });
  await postgres.stop();
  house.close();
});

/** Repeats a call, as its callers do, until it is answered. */
async function untilAnswered<Answer>(call: () => Promise<Answer>): Promise<Answer> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await call();
    } catch (error) {
      if (attempt === 100 || Fault.from(error).code !== "unavailable") throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

test("without its database rates are granted, money waits, and nothing is lost when it is back", async () => {
  const organisationId = newId(world, "org");
  const subject = { organisationId };
  const grant = { organisationId, nanos: 1_000n, kind: "purchased", idempotencyKey: "one" };
  await quota.grantCredit(grant);
  const { sequence } = await quota.watchChanges({ afterSequence: 0n, waitMs: 0 });
  await quota.setLimit({ limit: { subject, kind: "requests", amount: 50n, windowMs: 60_000 } });
  await quota.watchChanges({ afterSequence: sequence, waitMs: 5_000 }, { deadlineMs: 8_000 });
  const limits = { holder: "ai-1", subject, requestsWanted: 1n };
  assert.equal((await quota.leaseLimits(limits)).grants.length, 1);
  const lease = {
    ...{ holder: "ai-1", incarnation: "one", organisationId, call: 1n, neededNanos: 800n },
    leaseId: newId(world, "lse"),
  };
  await quota.leaseWallet(lease);

  await postgres.kill();
  const patient = { deadlineMs: 6_000 };
  await assert.rejects(quota.leaseWallet({ ...lease, call: 2n }, patient), { httpStatus: 503 });
  assert.deepEqual(
    (await quota.leaseLimits(limits)).grants.map(({ granted }) => granted),
    [1n],
  );
  await postgres.start();

  const settlement = {
    ...{ requestId: newId(world, "req"), leaseId: lease.leaseId, organisationId, currency: "USD" },
    ...{ reservedNanos: 800n, chargedNanos: 700n, outcome: "complete" },
  };
  const message = { holder: "ai-1", settlements: [settlement] };
  const { settled } = await untilAnswered(() => quota.settle(message, patient));
  assert.deepEqual(settled, [settlement.requestId]);
  const end = { ...lease, call: 2n, neededNanos: 0n, keptNanos: 0n };
  await untilAnswered(() => quota.leaseWallet(end, patient));
  const balance = await quota.getBalance({ organisationId });
  assert.deepEqual([balance.totalNanos, balance.heldNanos], [300n, 0n]);
  assert.deepEqual((await quota.verifyLedger({})).problems, []);
});

test("a change that was made while nobody listened is told when listening begins again", async () => {
  const { sequence } = await quota.watchChanges({ afterSequence: 0n, waitMs: 0 });
  const waiting = quota.watchChanges(
    { afterSequence: sequence, waitMs: 20_000 },
    { deadlineMs: 25_000 },
  );
  await postgres.kill();
  await postgres.start();
  const organisationId = newId(world, "org");
  const grant = { organisationId, nanos: 1_000n, kind: "granted", idempotencyKey: "one" };
  await untilAnswered(() => quota.grantCredit(grant, { deadlineMs: 6_000 }));
  assert.deepEqual((await waiting).organisationIds, [organisationId]);
});

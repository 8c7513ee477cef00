import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { QuotaService } from "@tandem/contracts/rpc/quota/v1/quota_pb";
import type { PassportClaims, RpcClient } from "@tandem/libs/rpc";
import { connectRpc, createLifecycle, type Replica } from "@tandem/libs/service";
import { createTestHouse, startTestPostgres, type TestPostgres } from "@tandem/libs/testing";
import { newId } from "@tandem/libs/world";
import { start } from "../main.ts";

type Client = RpcClient<(typeof QuotaService)["method"]>;

const house = createTestHouse({
  replicas: ["quota/1", "quota/2", "ai/1"],
  calls: { ai: ["quota"] },
});
const gateway = house.site("ai/1");
const { world } = gateway;
const lifecycle = createLifecycle(gateway);
const folder = mkdtempSync(join(tmpdir(), "tandem-quota-"));
let postgres: TestPostgres;
let replicas: Replica[];
let first: Client;
let second: Client;

before(async () => {
  postgres = await startTestPostgres();
  const databaseUrl = await postgres.createDatabase();
  const given = { databaseUrl, hotStoreUrl: `lmdb:${folder}` };
  const sites = [house.site("quota/1", given), house.site("quota/2", given)];
  replicas = await Promise.all(sites.map(start));
  const connect = (site: (typeof sites)[number]): Client =>
    connectRpc(gateway, lifecycle, {
      service: QuotaService,
      deployable: "quota",
      address: site.address,
    });
  [first, second] = sites.map(connect) as [Client, Client];
});

after(async () => {
  const report = await first.verifyLedger({}, { deadlineMs: 30_000 });
  assert.deepEqual(report.problems, []);
  await lifecycle.replica(gateway.address).close({ deadlineMs: 1_000 });
  for (const replica of replicas) await replica.close({ deadlineMs: 1_000 });
  await postgres.stop();
  house.close();
  rmSync(folder, { recursive: true, force: true });
});

function caller(organisationId: string, rest: Partial<PassportClaims> = {}): PassportClaims {
  const scopes = ["admin"];
  return {
    ...{ organisationId, projectId: "", userId: "", keyId: "key_1", sessionId: "" },
    ...{ scopes, roles: [], ...rest },
  };
}

function grant(organisationId: string, idempotencyKey: string) {
  return { organisationId, nanos: 1_000_000n, kind: "purchased", idempotencyKey };
}

async function organisationWithCredit(): Promise<string> {
  const organisationId = newId(world, "org");
  await first.grantCredit(grant(organisationId, "first"));
  return organisationId;
}

test("a grant is made once for each idempotency key, on whichever replica it is repeated", async () => {
  const organisationId = newId(world, "org");
  const same = grant(organisationId, "order 1");
  const answers = await Promise.all(
    [first, second, first, second].map((client) => client.grantCredit(same)),
  );
  for (const balance of answers) assert.equal(balance.totalNanos, 1_000_000n);
  await second.grantCredit({ ...same, idempotencyKey: "order 2", kind: "granted" });
  const balance = await first.getBalance({ organisationId });
  assert.deepEqual(
    [balance.currency, balance.grantedNanos, balance.purchasedNanos, balance.isAvailable],
    ["USD", 1_000_000n, 1_000_000n, true],
  );
  await assert.rejects(first.grantCredit({ ...same, nanos: 5n }), {
    reason: "quota.idempotency_conflict",
    httpStatus: 422,
  });
  await assert.rejects(first.grantCredit({ ...same, currency: "EUR" }), {
    reason: "quota.currency_mismatch",
  });
});

test("from lease to settlement: what is charged leaves the wallet, the rest comes back", async () => {
  const organisationId = await organisationWithCredit();
  const lease = {
    ...{ holder: "ai-1", incarnation: "one", organisationId, keyId: "key_1", model: "small" },
    leaseId: newId(world, "lse"),
  };
  const opened = await first.leaseWallet({ ...lease, call: 1n, neededNanos: 5_000n });
  assert.deepEqual(
    [opened.grantedNanos, opened.superseded, opened.limitSource, opened.currency],
    [10_000n, false, "", "USD"],
  );
  const settlement = {
    ...{ requestId: newId(world, "req"), leaseId: lease.leaseId, organisationId },
    ...{ keyId: "key_1", model: "small", reservedNanos: 5_000n, chargedNanos: 1_234n },
    ...{ outcome: "complete", currency: "USD", atMs: BigInt(world.clock.nowMs()) },
  };
  for (const client of [first, second]) {
    const answer = await client.settle({ holder: "ai-1", settlements: [settlement] });
    assert.deepEqual([answer.settled, answer.refused], [[settlement.requestId], []]);
  }
  const renewal = { ...lease, call: 2n, returnedNanos: 8_766n };
  for (const client of [first, second, first]) await client.leaseWallet(renewal);
  const balance = await second.getBalance({ organisationId });
  assert.deepEqual([balance.totalNanos, balance.heldNanos], [998_766n, 0n]);
  const { transfers, hasMore } = await first.listTransfers({ organisationId, limit: 1 });
  assert.deepEqual(
    [transfers[0]?.kind, transfers[0]?.nanos, hasMore],
    ["settlement", 1_234n, true],
  );
  assert.equal(transfers[0]?.reference, settlement.requestId);
  const spending = await second.getSpending(
    { organisationId },
    { caller: caller(organisationId, { scopes: ["inference"] }) },
  );
  assert.deepEqual([spending.dayNanos, spending.burnPerDayNanos], [1_234n, 1_234n]);
  assert.ok(spending.monthEndNanos >= spending.monthNanos);
  const left = spending.lots.reduce((sum, { remainingNanos }) => sum + remainingNanos, 0n);
  assert.equal(left, 1_000_000n - 1_234n);
  assert.equal(spending.lastsMs, (left * 86_400_000n) / 1_234n);
});

test("a refused settlement is seen by the organisation and by the platform", async () => {
  const organisationId = await organisationWithCredit();
  const settlement = {
    ...{ requestId: newId(world, "req"), leaseId: newId(world, "lse"), organisationId },
    ...{ reservedNanos: 10n, chargedNanos: 10n, outcome: "complete", currency: "USD" },
  };
  const { refused } = await first.settle({ holder: "ai-1", settlements: [settlement] });
  assert.deepEqual(
    refused.map(({ reason }) => reason),
    ["unknown_lease"],
  );
  const own = await second.listAnomalies({ organisationId }, { caller: caller(organisationId) });
  assert.deepEqual(
    own.anomalies.map(({ kind }) => kind),
    ["unknown_lease"],
  );
  const all = await second.listAnomalies({});
  assert.ok(all.anomalies.some(({ requestId }) => requestId === settlement.requestId));
});

test("a change made on one replica wakes the watchers of the other", async () => {
  const { sequence } = await second.watchChanges({ afterSequence: 0n, waitMs: 0 });
  const waiting = second.watchChanges(
    { afterSequence: sequence, waitMs: 20_000 },
    { deadlineMs: 25_000 },
  );
  const organisationId = newId(world, "org");
  const subject = { organisationId };
  await first.setLimit({ limit: { subject, kind: "requests", amount: 5n, windowMs: 60_000 } });
  const change = await waiting;
  assert.deepEqual([change.organisationIds, change.reset], [[organisationId], false]);
  assert.equal(change.sequence, sequence + 1n);
});

test("a watcher that knows a future or a forgotten past is told to forget everything", async () => {
  const { sequence } = await first.watchChanges({ afterSequence: 0n, waitMs: 0 });
  const answer = await first.watchChanges({ afterSequence: sequence + 1_000n, waitMs: 1 });
  assert.deepEqual([answer.reset, answer.sequence], [true, sequence]);
});

test("a limit binds all holders on all replicas from the moment it is set", async () => {
  const organisationId = newId(world, "org");
  const subject = { organisationId, keyId: "key_1" };
  const wanted = { holder: "ai-1", subject, requestsWanted: 3n };
  assert.deepEqual((await first.leaseLimits(wanted)).grants, []);
  assert.deepEqual((await second.leaseLimits(wanted)).grants, []);
  const { sequence } = await second.watchChanges({ afterSequence: 0n, waitMs: 0 });
  const limit = await first.setLimit({
    limit: { subject, kind: "requests", amount: 4n, windowMs: 60_000 },
  });
  for (const client of [first, second]) {
    await client.watchChanges({ afterSequence: sequence, waitMs: 10_000 }, { deadlineMs: 12_000 });
  }
  const granted = await first.leaseLimits(wanted);
  assert.deepEqual(
    granted.grants.map((one) => [one.limitId, one.granted, one.limit, one.remaining, one.kind]),
    [[limit.id, 3n, 4n, 1n, "requests"]],
  );
  assert.deepEqual([granted.validMs, granted.degraded], [1_000, false]);
  const rest = await second.leaseLimits({ ...wanted, holder: "ai-2" });
  assert.deepEqual(
    rest.grants.map((one) => one.granted),
    [1n],
  );
  const refused = await second.leaseLimits({ ...wanted, holder: "ai-2", requestsWanted: 1n });
  assert.ok(Number(refused.grants[0]?.retryAfterMs) > 10_000);
  const other = { ...wanted, subject: { organisationId, keyId: "key_2" } };
  assert.deepEqual((await second.leaseLimits(other)).grants, []);
  await assert.rejects(first.deleteLimit({ organisationId, id: limit.id, expectedVersion: 7n }), {
    reason: "quota.version_mismatch",
  });
  await first.deleteLimit({ organisationId, id: limit.id });
  await assert.rejects(first.deleteLimit({ organisationId, id: limit.id }), {
    reason: "quota.not_found",
  });
});

test("places are counted over all replicas", async () => {
  const organisationId = newId(world, "org");
  const subject = { organisationId };
  const { sequence } = await second.watchChanges({ afterSequence: 0n, waitMs: 0 });
  const { id } = await first.setLimit({ limit: { subject, kind: "concurrency", amount: 5n } });
  await second.watchChanges({ afterSequence: sequence, waitMs: 10_000 }, { deadlineMs: 12_000 });
  const take = async (client: Client, holder: string) => {
    const { grants } = await client.leaseLimits({ holder, subject, concurrencyWanted: 3n });
    return grants.map((one) => one.granted);
  };
  assert.deepEqual(await take(first, "ai-1"), [3n]);
  assert.deepEqual(await take(second, "ai-2"), [2n]);
  await second.leaseLimits({ holder: "ai-1", subject, held: [{ limitId: id, places: 1n }] });
  assert.deepEqual(await take(first, "ai-2"), [2n]);
});

test("two managers who change one limit at once do not overwrite each other unknowingly", async () => {
  const organisationId = newId(world, "org");
  const limit = { subject: { organisationId }, kind: "tokens", amount: 9n, windowMs: 1_000 };
  const made = await first.setLimit({ limit });
  assert.equal(made.version, 1n);
  const results = await Promise.allSettled(
    [first, second].map((client) => client.setLimit({ limit, expectedVersion: 1n })),
  );
  assert.deepEqual(results.map(({ status }) => status).sort(), ["fulfilled", "rejected"]);
  const { limits } = await second.listLimits({ organisationId });
  assert.deepEqual(
    limits.map(({ version }) => version),
    [2n],
  );
});

test("a budget tells what is spent and held, and when it starts anew", async () => {
  const organisationId = await organisationWithCredit();
  const subject = { organisationId, projectId: "prj_1" };
  const budget = await first.setBudget({ budget: { subject, nanos: 700n, period: "month" } });
  assert.equal(budget.version, 1n);
  const lease = {
    ...{ holder: "ai-1", incarnation: "one", organisationId, projectId: "prj_1", call: 1n },
    ...{ leaseId: newId(world, "lse"), neededNanos: 900n },
  };
  const answer = await second.leaseWallet(lease);
  assert.deepEqual(
    [answer.grantedNanos, answer.limitSource, answer.scopedBy, answer.scarce],
    [700n, "project", ["project"], true],
  );
  const { budgets } = await first.listBudgets({ organisationId });
  assert.equal(budgets[0]?.heldNanos, 700n);
  assert.ok(Number(budgets[0]?.resetsAtMs) > world.clock.nowMs());
  await first.deleteBudget({ organisationId, id: budget.id });
});

test("another organisation does not exist for a caller", async () => {
  const organisationId = await organisationWithCredit();
  const stranger = { caller: caller("org_stranger") };
  const subject = { organisationId };
  const attempts = [
    first.getBalance({ organisationId }, stranger),
    first.getSpending({ organisationId }, stranger),
    first.listTransfers({ organisationId }, stranger),
    first.setLimit({ limit: { subject, kind: "requests", amount: 1n } }, stranger),
    first.listLimits({ organisationId }, stranger),
    first.deleteLimit({ organisationId, id: "lim_1" }, stranger),
    first.setBudget({ budget: { subject, period: "day" } }, stranger),
    first.listBudgets({ organisationId }, stranger),
    first.deleteBudget({ organisationId, id: "bdg_1" }, stranger),
    first.listAnomalies({ organisationId }, stranger),
  ];
  for (const attempt of attempts) await assert.rejects(attempt, { reason: "quota.not_found" });
});

test("nobody creates credit or changes limits without the right to, and gateways alone lease", async () => {
  const organisationId = await organisationWithCredit();
  const user = { caller: caller(organisationId, { scopes: ["inference"] }) };
  const manager = { caller: caller(organisationId, { scopes: ["manage:write"] }) };
  const viewer = { caller: caller(organisationId, { keyId: "", roles: ["viewer"] }) };
  const subject = { organisationId };
  const forbidden = { reason: "quota.forbidden" };
  for (const who of [user, manager, viewer]) {
    await assert.rejects(first.grantCredit(grant(organisationId, "mine"), who), forbidden);
    await assert.rejects(first.leaseWallet({}, who), forbidden);
    await assert.rejects(first.settle({}, who), forbidden);
    await assert.rejects(first.leaseLimits({}, who), forbidden);
    await assert.rejects(first.adoptLeases({}, who), forbidden);
    await assert.rejects(first.releaseLeases({}, who), forbidden);
    await assert.rejects(first.watchChanges({}, who), forbidden);
    await assert.rejects(first.verifyLedger({}, who), forbidden);
    await first.getBalance({ organisationId }, who);
  }
  const limit = { subject, kind: "requests", amount: 1n, windowMs: 1_000 };
  await assert.rejects(first.setLimit({ limit }, user), forbidden);
  await assert.rejects(first.setLimit({ limit }, viewer), forbidden);
  await first.setLimit({ limit }, manager);
  const stranger = { caller: caller("org_stranger") };
  await assert.rejects(first.grantCredit(grant(organisationId, "theft"), stranger), forbidden);
  for (const role of ["owner", "finance", "platform:operator"]) {
    const tenant = { caller: caller(organisationId, { keyId: "", roles: [role] }) };
    await assert.rejects(first.grantCredit(grant(organisationId, "mine"), tenant), forbidden);
  }
  const elsewhere = newId(world, "org");
  const treasurer = { caller: caller(elsewhere, { keyId: "", roles: ["platform:finance"] }) };
  await first.grantCredit(grant(organisationId, "by the platform"), treasurer);
});

test("bad input is refused with what to mend, and nothing is half done", async () => {
  const organisationId = await organisationWithCredit();
  const subject = { organisationId };
  const malformed = { reason: "quota.malformed" };
  const lease = { holder: "ai-1", incarnation: "one", organisationId, call: 1n };
  const leaseId = newId(world, "lse");
  const attempts = [
    first.leaseWallet({ ...lease, leaseId: "mine" }),
    first.leaseWallet({ ...lease, leaseId, call: 0n }),
    first.leaseWallet({ ...lease, leaseId, holder: "" }),
    first.leaseWallet({ ...lease, leaseId, neededNanos: -1n }),
    first.leaseWallet({ ...lease, leaseId, carvedNanos: 2n, ceilingNanos: 1n }),
    first.leaseWallet({ ...lease, leaseId, organisationId: "" }),
    first.grantCredit({ ...grant(organisationId, "a"), nanos: 0n }),
    first.grantCredit({ ...grant(organisationId, "a"), nanos: 2n ** 62n }),
    first.grantCredit({ ...grant(organisationId, "a"), kind: "stolen" }),
    first.grantCredit({ ...grant(organisationId, "") }),
    first.grantCredit({ ...grant(organisationId, "a"), currency: "usd" }),
    first.setLimit({ limit: { subject, kind: "wishes", amount: 1n, windowMs: 1_000 } }),
    first.setLimit({ limit: { subject, kind: "requests", amount: -1n, windowMs: 1_000 } }),
    first.setLimit({ limit: { subject, kind: "requests", amount: 1n, windowMs: 1 } }),
    first.setLimit({ limit: { subject, kind: "concurrency", amount: 1n, windowMs: 1_000 } }),
    first.setBudget({ budget: { subject, nanos: 1n, period: "century" } }),
    first.setBudget({ budget: { subject, nanos: -1n, period: "day" } }),
    first.leaseLimits({ holder: "ai-1", subject: { organisationId: "{}" } }),
    first.leaseLimits({ holder: "ai-1", subject, requestsWanted: -1n }),
  ];
  for (const attempt of attempts) await assert.rejects(attempt, malformed);
  assert.equal((await first.getBalance({ organisationId })).totalNanos, 1_000_000n);
});

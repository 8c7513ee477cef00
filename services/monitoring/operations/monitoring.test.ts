import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { MonitoringService } from "@tandem/contracts/rpc/monitoring/v1/monitoring_pb";
import { Fault } from "@tandem/libs/kernel";
import type { PassportClaims, RpcClient } from "@tandem/libs/rpc";
import { connectRpc, createLifecycle, type Replica } from "@tandem/libs/service";
import { createTestHouse, startTestPostgres, type TestPostgres } from "@tandem/libs/testing";
import { sleep } from "@tandem/libs/world";
import { start } from "../main.ts";

type Client = RpcClient<(typeof MonitoringService)["method"]>;

const house = createTestHouse({
  replicas: ["monitoring/1", "monitoring/2", "ai/1"],
  calls: { ai: ["monitoring"] },
});
const gateway = house.site("ai/1");
const lifecycle = createLifecycle(gateway);
let postgres: TestPostgres;
let databaseUrl: string;
let replicas: Replica[];
let first: Client;
let second: Client;

before(async () => {
  postgres = await startTestPostgres();
  databaseUrl = await postgres.createDatabase();
  const sites = [
    house.site("monitoring/1", { databaseUrl }),
    house.site("monitoring/2", { databaseUrl }),
  ];
  replicas = await Promise.all(sites.map(start));
  const connect = (site: (typeof sites)[number]): Client =>
    connectRpc(gateway, lifecycle, {
      service: MonitoringService,
      deployable: "monitoring",
      address: site.address,
    });
  [first, second] = sites.map(connect) as [Client, Client];
});

after(async () => {
  await lifecycle.replica(gateway.address).close({ deadlineMs: 1_000 });
  for (const replica of replicas) await replica.close({ deadlineMs: 1_000 });
  await postgres.stop();
  house.close();
});

const callerOf = (organisationId: string): PassportClaims => ({
  organisationId,
  projectId: "",
  userId: "",
  keyId: "key_1",
  sessionId: "",
  scopes: ["manage:read"],
  roles: [],
});

const record = (requestId: string, organisationId = "org_a") => ({
  requestId,
  organisationId,
  projectId: "prj_1",
  keyId: "key_1",
  outcome: "complete",
  atMs: 1_795_000_000_000n,
  phases: [{ name: "receive", startMs: 0, durationMs: 0.2, outcome: "ok" }],
});

test("a record told to one replica is read from the other, phases included, even if told twice", async () => {
  await first.recordRequests({ records: [record("req_1")] });
  await first.recordRequests({ records: [record("req_1"), record("req_2")] });
  const found = await second.getRequest({ organisationId: "org_a", requestId: "req_1" });
  assert.equal(found.phases[0]?.name, "receive");
  const listed = await second.listRequests({ organisationId: "org_a", limit: 1 });
  assert.deepEqual(
    [listed.records.map((entry) => entry.requestId), listed.hasMore],
    [["req_2"], true],
  );
  const next = await second.listRequests({ organisationId: "org_a", limit: 1, after: "req_2" });
  assert.deepEqual(
    [next.records.map((entry) => entry.requestId), next.hasMore],
    [["req_1"], false],
  );
});

test("another organisation's requests are as unknown as those that never were", async () => {
  await first.recordRequests({ records: [record("req_foreign", "org_b")] });
  for (const client of [first, second]) {
    const asA = { caller: callerOf("org_a") };
    for (const organisationId of ["org_a", "org_b"]) {
      const asked = client.getRequest({ organisationId, requestId: "req_foreign" }, asA);
      await assert.rejects(asked, { reason: "monitoring.request_not_found" });
    }
    await assert.rejects(client.listRequests({ organisationId: "org_b" }, asA), {
      reason: "monitoring.no_organisation",
    });
  }
});

test("only the platform's own parts tell records and samples", async () => {
  const asTenant = { caller: callerOf("org_a") };
  await assert.rejects(first.recordRequests({ records: [record("req_9")] }, asTenant), {
    reason: "monitoring.platform_only",
  });
  await assert.rejects(first.reportSamples({ samples: [] }, asTenant), {
    reason: "monitoring.platform_only",
  });
});

test("the topology shows who told, who is silent, and one verdict", async () => {
  const atMs = BigInt(gateway.world.clock.nowMs());
  const sample = { replicaId: "ai-1", deployable: "ai", atMs, state: "ready", cpu: 0.1 };
  const unknown = await first.reportSamples({ samples: [sample], figuresUnchanged: true });
  assert.equal(unknown.keepsFigures, false, "a replica that has just started knows none");
  const told = await first.reportSamples({ samples: [sample] });
  const again = await first.reportSamples({ samples: [sample], figuresUnchanged: true });
  assert.deepEqual([told.keepsFigures, again.keepsFigures], [true, true]);
  const view = await first.getTopology({});
  const states = new Map(view.replicas.map((replica) => [replica.replicaId, replica.state]));
  assert.deepEqual([states.get("ai-1"), states.get("monitoring-2")], ["ready", "silent"]);
  assert.equal(view.state, "down");
});

test("with the database gone recent requests are still answered, older ones fail clearly", async () => {
  await first.recordRequests({ records: [record("req_recent")] });
  await postgres.kill();
  const found = await first.getRequest({ organisationId: "org_a", requestId: "req_recent" });
  assert.equal(found.requestId, "req_recent");
  await assert.rejects(
    first.getRequest({ organisationId: "org_a", requestId: "req_old" }, { deadlineMs: 10_000 }),
    { code: "unavailable" },
  );
  await postgres.start();
  // A replica finds that the database is back with its next probe, and refuses until then.
  let back: Awaited<ReturnType<Client["getRequest"]>> | undefined;
  for (let tries = 0; tries < 100 && back === undefined; tries += 1) {
    back = await second
      .getRequest({ organisationId: "org_a", requestId: "req_recent" }, { deadlineMs: 10_000 })
      .catch((error: unknown) => {
        assert.ok(Fault.is(error) && error.code === "unavailable", String(error));
        return sleep(gateway.world, 50).then(() => undefined);
      });
  }
  assert.equal(back?.requestId, "req_recent");
});

test("what two replicas see while the log is away is one incident once it is back, and survives a restart", async () => {
  await postgres.kill();
  const tellAll = async (isReachable: boolean): Promise<void> => {
    const sample = { replicaId: "ai-1", deployable: "ai", process: "7", state: "ready" };
    const atMs = BigInt(gateway.world.clock.nowMs());
    const figures = [
      {
        name: "tandem_database_reachable",
        labels: { service: "auth" },
        value: Number(isReachable),
      },
    ];
    for (const client of [first, second]) {
      await client.reportSamples({ samples: [{ ...sample, atMs }], figures });
    }
  };
  const openOf = async (client: Client): Promise<string[]> =>
    (await client.listAlerts({})).open.map(({ alert, subject }) => `${alert} ${subject}`);
  const until = async (what: string, isSo: () => Promise<boolean>): Promise<void> => {
    for (let tries = 0; !(await isSo()); tries += 1) {
      assert.ok(tries < 300, what);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  };
  const wanted = "database-unreachable postgresql";
  const isOpenAt = async (client: Client): Promise<boolean> => {
    await tellAll(false);
    return (await openOf(client)).includes(wanted);
  };
  await until("the first sees it", () => isOpenAt(first));
  await until("the second sees it", () => isOpenAt(second));
  const partial = await first.listIncidents({ alert: "database-unreachable" });
  assert.deepEqual([partial.isPartial, partial.incidents.length], [true, 1]);
  // A replica that dies now starts without its database, and knows what was open.
  await replicas[1]?.close({ deadlineMs: 1_000 });
  replicas[1] = await start(house.site("monitoring/2", { databaseUrl }));
  assert.ok((await openOf(second)).includes(wanted));
  assert.deepEqual(replicas[1].unreadyChecks(), ["schema"]);

  await postgres.start();
  await until("it is over", async () => {
    await tellAll(true);
    const open = [...(await openOf(first)), ...(await openOf(second))];
    return !open.includes(wanted);
  });
  await until("the log has it", async () => {
    const { incidents } = await second.listIncidents({ alert: "database-unreachable" });
    return incidents.length > 0 && incidents.every(({ closedAtMs }) => closedAtMs > 0n);
  });
  const { incidents, isPartial } = await second.listIncidents({ alert: "database-unreachable" });
  assert.deepEqual([isPartial, incidents.length], [false, 1]);
  const [incident] = incidents;
  assert.match(incident?.reason ?? "", /auth/);
  assert.match(incident?.closeReason ?? "", /^not seen for \d+ s$/);
  assert.deepEqual(replicas[1].unreadyChecks(), []);
});

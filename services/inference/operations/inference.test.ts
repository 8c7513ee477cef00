import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { InferenceService } from "@tandem/contracts/rpc/inference/v1/inference_pb";
import {
  ModelsService,
  type RecordDiscoveryRequest,
} from "@tandem/contracts/rpc/models/v1/models_pb";
import { type Handlers, implement, type PassportClaims, type RpcClient } from "@tandem/libs/rpc";
import { connectRpc, createLifecycle, type Replica, serveRpc } from "@tandem/libs/service";
import {
  createTestHouse,
  type MockEngine,
  mockEngine,
  startTestPostgres,
  type TestPostgres,
} from "@tandem/libs/testing";
import { sleep } from "@tandem/libs/world";
import { start } from "../main.ts";

type Client = RpcClient<(typeof InferenceService)["method"]>;
type Snapshot = Awaited<ReturnType<Client["watchUpstreams"]>>;

const house = createTestHouse({
  replicas: ["inference/1", "inference/2", "ai/1", "models/1", "engine/1"],
  calls: { ai: ["inference"], inference: ["models", "engine"] },
});
const gateway = house.site("ai/1");
const lifecycle = createLifecycle(gateway);
const discovered: RecordDiscoveryRequest[] = [];
let postgres: TestPostgres;
let upstream: MockEngine;
let replicas: Replica[];
let models: Replica;
let first: Client;
let second: Client;

before(async () => {
  postgres = await startTestPostgres();
  upstream = await mockEngine({ profile: "vllm" });
  const handlers = {
    recordDiscovery: async (request: RecordDiscoveryRequest) => {
      discovered.push(request);
      return {};
    },
  } as unknown as Handlers<(typeof ModelsService)["method"]>;
  const modelsSite = house.site("models/1");
  models = await serveRpc(modelsSite, createLifecycle(modelsSite), [
    implement(ModelsService, handlers),
  ]);
  const databaseUrl = await postgres.createDatabase();
  const settings = {
    engine: false,
    probe_period: "250ms",
    probe_timeout: "1s",
    upstreams: [
      { name: "vllm-1", profile: "vllm", base_url: upstream.baseUrl, api_key: "sk-upstream" },
    ],
  };
  const sites = [
    house.site("inference/1", { databaseUrl, settings }),
    house.site("inference/2", { databaseUrl, settings }),
  ];
  replicas = await Promise.all(sites.map(start));
  const connect = (site: (typeof sites)[number]): Client =>
    connectRpc(gateway, lifecycle, {
      service: InferenceService,
      deployable: "inference",
      address: site.address,
    });
  [first, second] = sites.map(connect) as [Client, Client];
});

after(async () => {
  await lifecycle.replica(gateway.address).close({ deadlineMs: 1_000 });
  for (const replica of [...replicas, models]) await replica.close({ deadlineMs: 1_000 });
  await upstream.close();
  await postgres.stop();
  house.close();
});

const manager: PassportClaims = {
  organisationId: "org_a",
  projectId: "",
  userId: "usr_1",
  keyId: "",
  sessionId: "",
  scopes: ["admin"],
  roles: ["platform:operator"],
};
const caller = manager;

async function snapshotWhere(client: Client, isThere: (s: Snapshot) => boolean): Promise<Snapshot> {
  let afterVersion = 0n;
  for (;;) {
    const snapshot = await client.watchUpstreams(
      { afterVersion, waitMs: 10_000 },
      { deadlineMs: 15_000 },
    );
    if (isThere(snapshot)) return snapshot;
    assert.ok(snapshot.version > afterVersion, "nothing changed within the long poll");
    afterVersion = snapshot.version;
  }
}

/** Until both replicas say so. */
async function untilState(state: string): Promise<void> {
  for (const client of [first, second]) {
    const { upstreams } = await snapshotWhere(
      client,
      (given) => stateOf(given, "vllm-1") === state,
    );
    if (state === "down") assert.notEqual(upstreams[0]?.stateReason, "");
  }
}

const stateOf = (snapshot: Snapshot, name: string): string | undefined =>
  snapshot.upstreams.find((entry) => entry.name === name)?.state;

test("an upstream of the file is looked at, its models are told on, and both replicas know", async () => {
  for (const client of [first, second]) {
    const snapshot = await snapshotWhere(client, (given) =>
      given.upstreams.some(({ state, models: names }) => state === "up" && names.length > 0),
    );
    const found = snapshot.upstreams.find((entry) => entry.name === "vllm-1");
    assert.deepEqual(found?.models, ["mock-1"]);
    assert.equal(found?.apiKey, "sk-upstream", "the gateway that makes the calls needs it");
    assert.equal(found?.continuation, "continue_final_message");
  }
  const told = discovered.find((request) => request.upstream === "vllm-1");
  assert.deepEqual([told?.models[0]?.contextTokens, told?.isLocal], [32_768, true]);
});

test("an upstream that dies is told to be down, and up again once it answers", async () => {
  await upstream.refuse();
  await untilState("down");
  await upstream.accept();
  await untilState("up");
});

test("what is found while the database is away is told when it is back", async () => {
  await postgres.kill();
  await upstream.refuse();
  const logged = (event: string): boolean => house.logLines.some((line) => line["event"] === event);
  while (!logged("finding_not_recorded")) await sleep(gateway.world, 10);
  await postgres.start();
  await untilState("down");
  await upstream.accept();
  await untilState("up");
});

test("an upstream can be added, changed and removed, its credential never shown", async () => {
  const added = {
    name: "mine",
    profile: "vllm",
    baseUrl: upstream.baseUrl,
    apiKey: "sk-mine",
    discover: true,
    enabled: true,
  };
  const put = await first.putUpstream({ upstream: added }, { caller });
  assert.deepEqual([put.apiKey, put.hasApiKey, put.source], ["", true, "management"]);
  const keeping = { ...added, apiKey: "", maxConcurrency: 3 };
  await second.putUpstream({ upstream: keeping, expectedVersion: put.version }, { caller });
  const { upstreams } = await first.listUpstreams({}, { caller });
  assert.ok(upstreams.every((entry) => entry.apiKey === ""));
  const snapshot = await snapshotWhere(
    first,
    (given) => given.upstreams.find((entry) => entry.name === "mine")?.maxConcurrency === 3,
  );
  assert.equal(snapshot.upstreams.find((entry) => entry.name === "mine")?.apiKey, "sk-mine");
  const stale = { upstream: added, expectedVersion: put.version };
  await assert.rejects(first.putUpstream(stale, { caller }), {
    reason: "inference.version_conflict",
  });
  await second.deleteUpstream({ name: "mine" }, { caller });
  await snapshotWhere(first, (given) => stateOf(given, "mine") === undefined);
});

test("what the file declares is changed only there", async () => {
  const fromFile = { reason: "inference.upstream_from_file" };
  const changed = { name: "vllm-1", profile: "vllm", baseUrl: "http://127.0.0.1:1/v1" };
  await assert.rejects(first.putUpstream({ upstream: changed }, { caller }), fromFile);
  await assert.rejects(first.deleteUpstream({ name: "vllm-1" }, { caller }), fromFile);
});

test("metadata addresses, odd URLs and unknown profiles are refused and change nothing", async () => {
  const put = (upstream: { name: string; profile: string; baseUrl: string }) =>
    first.putUpstream({ upstream }, { caller });
  const refused = { reason: "inference.address_refused" };
  for (const host of ["169.254.169.254", "0xA9FEA9FE", "[::ffff:169.254.169.254]", "0.0.0.0"]) {
    await assert.rejects(
      put({ name: "x", profile: "vllm", baseUrl: `http://${host}/v1` }),
      refused,
    );
  }
  const invalid = { reason: "inference.upstream_invalid" };
  await assert.rejects(put({ name: "x", profile: "vllm", baseUrl: "unix:/run/x.sock" }), invalid);
  await assert.rejects(put({ name: "x", profile: "nope", baseUrl: "http://127.0.0.1/" }), invalid);
  await assert.rejects(
    put({ name: "X Y", profile: "vllm", baseUrl: "http://127.0.0.1/" }),
    invalid,
  );
  const { upstreams } = await first.listUpstreams({}, { caller });
  assert.deepEqual(
    upstreams.map((entry) => entry.name),
    ["vllm-1"],
  );
});

test("a test of an upstream says what was found or what is wrong, and changes nothing", async () => {
  const good = { name: "try", profile: "vllm", baseUrl: upstream.baseUrl };
  const found = await first.testUpstream({ upstream: good }, { caller, deadlineMs: 15_000 });
  assert.deepEqual([found.ok, found.models], [true, ["mock-1"]]);
  const closed = { ...good, baseUrl: "http://127.0.0.1:9/v1" };
  const failed = await first.testUpstream({ upstream: closed }, { caller, deadlineMs: 15_000 });
  assert.equal(failed.ok, false);
  assert.match(failed.message, /could not be reached/);
});

test("tenants neither read credentials nor change upstreams without the scope", async () => {
  const developer = { caller: { ...manager, roles: ["owner", "admin"] } };
  await assert.rejects(first.watchUpstreams({}, developer), { reason: "inference.platform_only" });
  await assert.rejects(first.deleteUpstream({ name: "vllm-1" }, developer), {
    reason: "inference.admin_only",
  });
});

test("places at a limited upstream are shared and never exceeded, over both replicas", async () => {
  const limited = {
    name: "limited",
    profile: "vllm",
    baseUrl: upstream.baseUrl,
    maxConcurrency: 10,
    enabled: true,
  };
  await first.putUpstream({ upstream: limited }, { caller });
  await snapshotWhere(second, (given) => stateOf(given, "limited") !== undefined);
  const lease = (client: Client, holder: string, wanted: number) =>
    client.leaseCapacity({ holder, upstream: "limited", wanted, inUse: 0 });
  assert.equal((await lease(first, "ai-1", 8)).granted, 8);
  assert.equal((await lease(second, "ai-2", 8)).granted, 5);
  assert.equal((await lease(first, "ai-1", 8)).granted, 5);
});

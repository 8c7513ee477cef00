import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { ModelsService } from "@tandem/contracts/rpc/models/v1/models_pb";
import type { PassportClaims, RpcClient } from "@tandem/libs/rpc";
import { connectRpc, createLifecycle, type Replica } from "@tandem/libs/service";
import { createTestHouse, startTestPostgres, type TestPostgres } from "@tandem/libs/testing";
import { start } from "../main.ts";

type Client = RpcClient<(typeof ModelsService)["method"]>;

const house = createTestHouse({
  replicas: ["models/1", "models/2", "ai/1"],
  calls: { ai: ["models"] },
});
const gateway = house.site("ai/1");
const lifecycle = createLifecycle(gateway);
let postgres: TestPostgres;
let databaseUrl: string;
let replicas: Replica[];
let first: Client;
let second: Client;

const settings = {
  models: [
    {
      id: "declared",
      price: { input_per_million: "0.003625", output_per_million: "0.87" },
    },
  ],
  aliases: { "gpt-4o": "declared" },
};

before(async () => {
  postgres = await startTestPostgres();
  databaseUrl = await postgres.createDatabase();
  const sites = [
    house.site("models/1", { databaseUrl, settings }),
    house.site("models/2", { databaseUrl, settings }),
  ];
  replicas = await Promise.all(sites.map(start));
  const connect = (site: (typeof sites)[number]): Client =>
    connectRpc(gateway, lifecycle, {
      service: ModelsService,
      deployable: "models",
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

const manager: PassportClaims = {
  organisationId: "org_a",
  projectId: "",
  userId: "usr_1",
  keyId: "key_1",
  sessionId: "",
  scopes: ["platform"],
  roles: ["platform:operator"],
};

/** The catalogue of `client` once it holds what `isThere` looks for. */
async function catalogueWhere(
  client: Client,
  isThere: (catalogue: Awaited<ReturnType<Client["watchCatalogue"]>>) => boolean,
) {
  let afterVersion = 0n;
  for (;;) {
    const catalogue = await client.watchCatalogue(
      { afterVersion, waitMs: 5_000 },
      { deadlineMs: 10_000 },
    );
    if (isThere(catalogue)) return catalogue;
    assert.ok(catalogue.version > afterVersion, "nothing changed within the long poll");
    afterVersion = catalogue.version;
  }
}

test("the file's prices arrive to the last nano, and its entries are changed only there", async () => {
  const catalogue = await catalogueWhere(first, () => true);
  const price = catalogue.prices.find((entry) => entry.model === "declared");
  assert.deepEqual(
    [price?.inputNanos, price?.cachedInputNanos, price?.outputNanos],
    [3_625_000n, 3_625_000n, 870_000_000n],
  );
  const fromFile = { reason: "models.from_file" };
  const caller = manager;
  await assert.rejects(first.putModel({ model: { id: "declared" } }, { caller }), fromFile);
  await assert.rejects(first.deleteAlias({ name: "gpt-4o" }, { caller }), fromFile);
  const changed = { model: "declared", currency: "USD" };
  await assert.rejects(first.putPrice({ price: changed }, { caller }), fromFile);
});

test("what one replica is told, the other's watchers learn", async () => {
  const { version } = await catalogueWhere(second, (known) => known.version > 0n);
  const waiting = second.watchCatalogue(
    { afterVersion: version, waitMs: 10_000 },
    { deadlineMs: 12_000 },
  );
  await first.recordDiscovery({
    upstream: "vllm-1",
    isLocal: true,
    models: [{ name: "qwen", contextTokens: 4096, capabilities: ["chat"] }],
  });
  const catalogue = await waiting;
  assert.ok(catalogue.version > version);
  const model = catalogue.models.find((entry) => entry.id === "qwen");
  assert.deepEqual(
    model?.targets.map((target) => target.upstream),
    ["vllm-1"],
  );
  assert.ok(catalogue.prices.some((price) => price.model === "qwen" && price.inputNanos === 0n));
});

test("a model that its upstream no longer tells of loses its target, and stays", async () => {
  const told = (names: readonly string[]) =>
    first.recordDiscovery({
      upstream: "vllm-2",
      models: names.map((name) => ({ name, capabilities: ["chat"] })),
    });
  await told(["kept", "lost"]);
  await told(["kept"]);
  const catalogue = await catalogueWhere(second, ({ models }) =>
    models.some((model) => model.id === "lost" && model.targets.length === 0),
  );
  assert.equal(catalogue.models.find((model) => model.id === "kept")?.targets.length, 1);
});

test("what an upstream tells again changes nothing, so nobody has to fetch the catalogue", async () => {
  const told = { upstream: "vllm-3", models: [{ name: "same", capabilities: ["chat"] }] };
  const { version } = await first.recordDiscovery(told);
  assert.equal((await second.recordDiscovery(told)).version, version);
  const more = await first.recordDiscovery({ ...told, models: [] });
  assert.equal(more.version, version + 1n);
});

test("a changed file reaches gateways that have the version before", async () => {
  const { version } = await first.watchCatalogue({ afterVersion: 0n, waitMs: 0 });
  const restart = async (changed: typeof settings): Promise<void> => {
    await replicas[1]?.close({ deadlineMs: 1_000 });
    replicas[1] = await start(house.site("models/2", { databaseUrl, settings: changed }));
  };
  await restart(settings);
  assert.equal((await first.watchCatalogue({ afterVersion: 0n, waitMs: 0 })).version, version);
  const [declared] = settings.models;
  assert.ok(declared);
  const price = { ...declared.price, output_per_million: "0.88" };
  await restart({ ...settings, models: [{ ...declared, price }] });
  const catalogue = await catalogueWhere(second, (known) => known.version > version);
  const changed = catalogue.prices.find(({ model }) => model === "declared");
  assert.equal(changed?.outputNanos, 880_000_000n);
  // Usage that was charged before goes on meaning the price it was charged at.
  const { prices } = await first.listPrices({ model: "declared" });
  assert.notEqual(prices[0]?.id, changed.id);
});

test("a new price closes the one before and is charged from its moment on", async () => {
  const price = { model: "qwen", currency: "USD", inputNanos: 100n, outputNanos: 200n };
  const caller = manager;
  await first.putPrice({ price: { ...price, id: "p1", validFromMs: 1_000n } }, { caller });
  await first.putPrice(
    { price: { ...price, id: "p2", inputNanos: 50n, validFromMs: 2_000n } },
    { caller },
  );
  const again = { ...price, id: "p2", inputNanos: 50n, validFromMs: 2_000n };
  await second.putPrice({ price: again }, { caller });
  const { prices } = await first.listPrices({ model: "qwen" });
  assert.deepEqual(
    prices.map((entry) => [entry.id, entry.validFromMs, entry.validUntilMs]),
    [
      ["p1", 1_000n, 2_000n],
      ["p2", 2_000n, 0n],
    ],
  );
});

test("two managers who change one model at once do not overwrite each other unknowingly", async () => {
  const caller = manager;
  const stored = await first.putModel({ model: { id: "mine", enabled: true } }, { caller });
  const change = { model: { id: "mine", ownedBy: "b" }, expectedVersion: stored.version };
  const results = await Promise.allSettled([
    first.putModel(change, { caller }),
    second.putModel(change, { caller }),
  ]);
  assert.deepEqual(results.map((result) => result.status).sort(), ["fulfilled", "rejected"]);
});

test("the catalogue is changed by managers, discovery by the platform alone", async () => {
  const operator = { caller: { ...manager, keyId: "", scopes: [] } };
  await first.putModel({ model: { id: "by-session" } }, operator);
  const former = { caller: { ...manager, roles: ["viewer"] } };
  await assert.rejects(first.putModel({ model: { id: "x" } }, former), {
    reason: "models.manager_only",
  });
  const viewer = { caller: { ...manager, scopes: ["inference"] } };
  const refused = { reason: "models.manager_only" };
  await assert.rejects(first.putModel({ model: { id: "x" } }, viewer), refused);
  await assert.rejects(first.deleteModel({ id: "mine" }, viewer), refused);
  await assert.rejects(first.putPrice({ price: { model: "x" } }, viewer), refused);
  await assert.rejects(first.putAlias({ alias: { name: "a", model: "b" } }, viewer), refused);
  await assert.rejects(first.putRule({ rule: { id: "r", model: "b" } }, viewer), refused);
  await assert.rejects(first.recordDiscovery({ upstream: "x" }, { caller: manager }), {
    reason: "models.platform_only",
  });
});

test("bad entries are refused with what to mend", async () => {
  const caller = manager;
  const invalid = { reason: "models.invalid" };
  for (const id of ["", "a b", "x".repeat(129), "<script>"]) {
    await assert.rejects(first.putModel({ model: { id } }, { caller }), invalid, id);
  }
  const negative = { model: "m", currency: "USD", outputNanos: -1n };
  await assert.rejects(first.putPrice({ price: negative }, { caller }), invalid);
  await assert.rejects(
    first.putPrice({ price: { model: "m", currency: "usd" } }, { caller }),
    invalid,
  );
  await assert.rejects(
    first.putAlias({ alias: { name: "auto", model: "m" } }, { caller }),
    invalid,
  );
});

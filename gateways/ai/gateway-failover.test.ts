import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { httpRequest, type MockEngine, mockEngine, textOfWhole } from "@tandem/libs/testing";
import { freshPrompt, type GatewayBench, openBench } from "./testing/gateway-bench.ts";

/** The primary as it is, and a cloud that speaks Model Studio's form of the API behind it. */
let bench: GatewayBench;
let cloud: MockEngine;
let manager: string;

const permissions = ["upstreams:read", "upstreams:write"];
const groupName = "house";

before(async () => {
  cloud = await mockEngine({
    profile: "modelstudio",
    models: [{ id: "qwen", contextTokens: 8_192 }],
  });
  bench = await openBench({ settings: { failover: { costCapPerDay: "0.001" } } });
  manager = bench.platform.addKey({ organisationId: "org_main", permissions });
  bench.platform.setUpstreams([
    { name: "house", baseUrl: bench.first.baseUrl },
    { name: "cloud", baseUrl: cloud.baseUrl, profile: "modelstudio", role: "standby" },
  ]);
  const targets = [
    { upstream: "house", model: "mock-1" },
    { upstream: "cloud", model: "qwen" },
  ];
  const price = { currency: "USD", inputNanos: 1_000_000_000n, outputNanos: 1_000_000_000n };
  bench.platform.setModels(
    [
      { id: "steady", targets },
      { id: "costly", targets },
    ],
    [
      { ...price, id: "prc_a", model: "steady" },
      { ...price, id: "prc_b", model: "costly", upstreamOutputNanos: 100_000_000_000n },
    ],
  );
  await eventually(async () => (await chat("steady")).headers["x-tandem-upstream"] === "house");
});
after(async () => {
  await bench.close();
  await cloud.close();
});

async function eventually(what: () => Promise<boolean>): Promise<void> {
  const endMs = performance.now() + 20_000;
  while (!(await what())) assert.ok(performance.now() < endMs, `never came: ${what}`);
}

async function chat(model: string) {
  const { content, expected } = freshPrompt(4);
  const answer = await bench.chat(content, { model });
  if (answer.status === 200) assert.equal(textOfWhole(answer.text), expected);
  return answer;
}

async function manage(method: string, path: string, body?: object) {
  const answer = await httpRequest(bench.gateway.address, {
    ...{ method, path, headers: { authorization: `Bearer ${manager}` } },
    ...(body === undefined ? {} : { body }),
  });
  assert.equal(answer.status, 200, answer.text);
  return answer.json as {
    readonly groups: readonly { name: string; pinned: string; replicas: { state: string }[] }[];
    readonly incidents: readonly { group: string; state: string; reasons: string[] }[];
  };
}

async function stateIs(wanted: string): Promise<void> {
  await eventually(async () => {
    const { groups } = await manage("GET", "/api/v1/failover");
    return groups.some((group) => group.replicas.some(({ state }) => state === wanted));
  });
}

test("a primary that dies is left for the standby, marked, with its reasons told", async () => {
  await bench.first.refuse();
  await stateIs("standby");
  const attempts = await Promise.all(Array.from({ length: 10 }, () => chat("steady")));
  for (const { status, headers } of attempts) {
    assert.equal(status, 200);
    assert.equal(headers["x-tandem-upstream"], "cloud");
    // Nobody is sent to the dead one first.
    assert.equal(headers["x-tandem-attempts"], "1");
    assert.match(String(headers["x-tandem-degraded"]), /standby/);
  }
  const { incidents } = await manage("GET", "/api/v1/failover");
  assert.equal(incidents[0]?.group, groupName);
  assert.equal(incidents[0]?.state, "standby");
  assert.match(incidents[0]?.reasons.join() ?? "", /probes|calls failed/);
});

test("an operator's word sends everything to one side, and back, whatever the gateways see", async () => {
  await bench.first.accept();
  await manage("PUT", `/api/v1/failover/${groupName}`, { side: "primary", seconds: 60 });
  await stateIs("pinned");
  await eventually(async () => (await chat("steady")).headers["x-tandem-upstream"] === "house");
  await manage("PUT", `/api/v1/failover/${groupName}`, { side: "standby" });
  await eventually(async () => (await chat("steady")).headers["x-tandem-upstream"] === "cloud");
  const { groups } = await manage("GET", "/api/v1/failover");
  assert.equal(groups[0]?.pinned, "standby");
});

test("a standby that has cost its cap for the day is asked no more", async () => {
  const calls = cloud.calls.length;
  await eventually(async () => (await chat("costly")).headers["x-tandem-upstream"] === "house");
  // A tenth of a dollar for a million tokens: some were answered there before the cap was met.
  assert.ok(cloud.calls.length >= calls);
  const before = cloud.calls.length;
  for (let call = 0; call < 5; call += 1) {
    assert.equal((await chat("steady")).headers["x-tandem-upstream"], "house");
  }
  assert.equal(cloud.calls.length, before);
});

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Fault } from "../kernel/index.ts";
import { allowedAddresses, parseTopology, replicasOf, type Topology } from "./index.ts";

const good = {
  version: 1,
  description: "two of each",
  processes: [
    { name: "router-1", hosts: ["router/1"], level: 2 },
    { name: "ai-gateway-1", hosts: ["ai/1"], level: 1 },
    { name: "ai-gateway-2", hosts: ["ai/2"], level: 1 },
    { name: "ai-services-1", hosts: ["chat/1", "models/1"], level: 0 },
    { name: "ai-services-2", hosts: ["chat/2", "models/2"], level: 0 },
  ],
  calls: { router: ["ai"], ai: ["chat", "models"] },
  routes: [{ path: "/v1/*", gateway: "ai", replay: "always" }],
};

function refusal(value: unknown): string {
  try {
    parseTopology(value);
  } catch (error) {
    assert.ok(Fault.is(error));
    assert.equal(error.reason, "topology.invalid");
    return error.publicMessage;
  }
  throw new Error("it should have been refused");
}

describe("parseTopology", () => {
  test("takes a topology whose parts fit", () => {
    const topology = parseTopology(good);
    assert.deepEqual(
      replicasOf(topology, "chat").map(({ id }) => id),
      ["chat-1", "chat-2"],
    );
    assert.equal(replicasOf(topology).length, 7);
  });

  test("names every problem at once", () => {
    const message = refusal({
      ...good,
      processes: [
        ...good.processes,
        { name: "router-1", hosts: ["chat/1"], level: 0 },
        { name: "late", hosts: ["quota/2"], level: 0 },
      ],
      calls: { ...good.calls, chat: ["chat", "nobody"], ghost: [] },
      routes: [
        ...good.routes,
        { path: "/v1/*", gateway: "ai" },
        { path: "/a*b/*", gateway: "business" },
        { path: "/x", methods: ["post"], gateway: "ai" },
      ],
    });
    assert.match(message, /process router-1 is listed twice/);
    assert.match(message, /replica chat\/1 is hosted by ai-services-1 and by router-1/);
    assert.match(message, /quota\/1 is missing/);
    assert.match(message, /calls\.chat: no process hosts nobody/);
    assert.match(message, /calls\.ghost: no process hosts ghost/);
    assert.match(message, /route \/v1\/\*: listed twice/);
    assert.match(message, /route \/a\*b\/\*: a "\*" may stand only behind/);
    assert.match(message, /no process hosts gateway business/);
    assert.match(message, /write post in capitals/);
  });

  test("names the place of a malformed value", () => {
    assert.match(refusal({ ...good, version: 2 }), /version/);
    assert.match(refusal({ ...good, processes: [] }), /processes/);
    assert.match(refusal({ ...good, levels: 3 }), /levels/);
  });
});

describe("allowedAddresses", () => {
  const topology: Topology = parseTopology(good);
  const addressesOf = allowedAddresses({
    topology,
    caller: "ai",
    addressOf: ({ id }) => `unix:/run/${id}.sock`,
  });

  test("tells where the replicas of a callable deployable listen", () => {
    assert.deepEqual(addressesOf("chat"), ["unix:/run/chat-1.sock", "unix:/run/chat-2.sock"]);
  });

  test("refuses what the topology does not list", () => {
    assert.throws(() => addressesOf("router"), /ai may not call router/);
  });
});

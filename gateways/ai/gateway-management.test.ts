import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { httpRequest } from "@tandem/libs/testing";
import { until } from "./testing/fake-platform.ts";
import { freshPrompt, type GatewayBench, openBench } from "./testing/gateway-bench.ts";

let bench: GatewayBench;
let manager: string;

const permissions = ["requests:read", "upstreams:read", "upstreams:write", "models:read"];

before(async () => {
  bench = await openBench();
  manager = bench.platform.addKey({ organisationId: "org_main", permissions });
});
after(() => bench.close());

function manage(
  method: string,
  path: string,
  { key = manager, body }: { readonly key?: string; readonly body?: object } = {},
) {
  return httpRequest(bench.gateway.address, {
    method,
    path,
    headers: { authorization: `Bearer ${key}` },
    ...(body === undefined ? {} : { body }),
  });
}

const upstream = { profile: "openai", base_url: "http://127.0.0.1:9/v1", api_key: "sk-hidden" };

test("what became of a request can be read, phase by phase, by whom it belongs to", async () => {
  const answer = await bench.chat(freshPrompt().content);
  const id = String(answer.headers["x-request-id"]);
  await until(() => bench.platform.records.some(({ requestId }) => requestId === id));
  const read = await manage("GET", `/api/v1/requests/${id}`);
  assert.equal(read.status, 200, read.text);
  const record = read.json as Record<string, unknown> & { phases: unknown[]; attempts: unknown[] };
  assert.equal(record["id"], id);
  assert.equal(record["outcome"], "complete");
  assert.equal(record.phases.length, 12);
  assert.equal(record.attempts.length, 1);
  const stranger = bench.platform.addKey({ permissions });
  assert.equal((await manage("GET", `/api/v1/requests/${id}`, { key: stranger })).status, 404);
});

test("the management plane refuses in problem documents, before any service is asked", async () => {
  const nobody = await httpRequest(bench.gateway.address, { path: "/api/v1/upstreams" });
  assert.equal(nobody.status, 401);
  assert.match(String(nobody.headers["content-type"]), /^application\/problem\+json/);
  const garbage = await manage("GET", "/api/v1/upstreams", { key: "sk-tdm-test_garbage" });
  assert.equal(garbage.status, 401);
  const told = bench.platform.managers.length;
  const put = { key: bench.key, body: upstream };
  const unpermitted = await manage("PUT", "/api/v1/upstreams/new", put);
  assert.ok([403, 404].includes(unpermitted.status), unpermitted.text);
  const wrong = await manage("PUT", "/api/v1/upstreams/new", { body: { ...upstream, typo: 1 } });
  assert.equal(wrong.status, 400, wrong.text);
  assert.match(wrong.text, /typo/);
  const unknown = await manage("GET", "/api/v1/nothing");
  assert.equal(unknown.status, 404);
  assert.equal(bench.platform.managers.length, told);
});

test("an upstream is put in its manager's name; its credential never comes out", async () => {
  const put = await manage("PUT", "/api/v1/upstreams/new", { body: upstream });
  assert.equal(put.status, 200, put.text);
  assert.equal((put.json as Record<string, unknown>)["has_api_key"], true);
  assert.ok(!put.text.includes("sk-hidden"));
  assert.equal(bench.platform.managers.at(-1), "org_main");
  const list = await manage("GET", "/api/v1/upstreams");
  const { data } = list.json as { data: { name: string }[] };
  assert.deepEqual(
    data.map(({ name }) => name),
    ["one", "two", "own"],
  );
});

test("the catalogue is read with its aliases and its default model", async () => {
  const read = await manage("GET", "/api/v1/models");
  assert.equal(read.status, 200, read.text);
  const catalogue = read.json as {
    default_model: string;
    models: { id: string }[];
    unpriced: string[];
  };
  assert.equal(catalogue.default_model, "paid");
  assert.deepEqual(
    catalogue.models.map(({ id }) => id),
    ["paid", "free", "plain", "unpriced", "own", "quotes"],
  );
  assert.deepEqual(catalogue.unpriced, ["unpriced", "own"]);
});

test("a conversation that was begun here has its history in the next chat", async () => {
  const begun = await manage("POST", "/api/v1/conversations", { body: { title: "Trip" } });
  assert.equal(begun.status, 201, begun.text);
  const { id } = begun.json as { id: string };
  const headers = { "x-tandem-conversation": id };
  const { content, expected } = freshPrompt();
  const first = await bench.chat(content, {}, headers);
  assert.equal(first.status, 200, first.text);
  await until(() => bench.platform.conversations.get(id)?.length === 2);
  const [asked, answered] = bench.platform.conversations.get(id) ?? [];
  assert.equal(JSON.parse(asked ?? "").content, content);
  assert.equal(JSON.parse(answered ?? "").content, expected);
});

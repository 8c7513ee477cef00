/**
 * Limits through the public door: what the platform sets and a tenant cannot lift, raises that end
 * by themselves, budgets that warn, who is near a limit; and what a key may do, as clients meet it.
 */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { type HttpAnswer, httpRequest } from "@tandem/libs/testing";
import { realWorld, sleep } from "@tandem/libs/world";
import { openProduct, type Product } from "./product.ts";

const world = realWorld();
let product: Product;
/** An organisation that the platform founded; `key` may do everything in it, and nothing outside. */
let tenant: { readonly id: string; readonly key: string };

before(async () => {
  product = await openProduct();
  tenant = await foundTenant();
});
after(() => product.close());

type Body = Readonly<Record<string, unknown>>;
const rows = (body: Body): readonly Body[] => body["data"] as readonly Body[];

interface Ask {
  readonly key?: string;
  readonly body?: object;
  readonly headers?: Readonly<Record<string, string>>;
}

/** To the management plane, by the admin key where none is named. */
function ask(method: string, path: string, { key, body, headers }: Ask = {}): Promise<HttpAnswer> {
  return httpRequest(`tcp:127.0.0.1:${product.port}`, {
    method,
    path: `/api/v1${path}`,
    headers: {
      ...(key !== "" && { authorization: `Bearer ${key ?? product.tandem.adminKey}` }),
      "if-match": "*",
      ...headers,
    },
    ...(body !== undefined && { body }),
  });
}

async function expect(status: number, method: string, path: string, given?: Ask): Promise<Body> {
  const answer = await ask(method, path, given);
  assert.equal(answer.status, status, `${method} ${path}: ${answer.text}`);
  return (answer.json ?? {}) as Body;
}

let asked = 0;

function chat(
  key: string,
  { path = "/v1/chat/completions", ...rest }: Body & { path?: string } = {},
) {
  asked += 1;
  return httpRequest(`tcp:127.0.0.1:${product.port}`, {
    method: "POST",
    path,
    headers: { authorization: `Bearer ${key}` },
    body: {
      ...{ model: "mock-1", max_tokens: 20 },
      messages: [{ role: "user", content: `limits ${asked} tokens=10` }],
      ...rest,
    },
  });
}

async function until(what: () => Promise<string | undefined>): Promise<void> {
  let missing: string | undefined;
  for (let look = 0; look < 300; look += 1) {
    missing = await what();
    if (missing === undefined) return;
    await sleep(world, 100);
  }
  assert.fail(missing);
}

const untilStatus = (status: number, key: string, rest: Body = {}): Promise<void> =>
  until(async () => {
    const answer = await chat(key, rest);
    return answer.status === status ? undefined : `answered ${answer.status}: ${answer.text}`;
  });

async function foundTenant(): Promise<typeof tenant> {
  const email = "tenant@example.com";
  const password = "a tenant's password";
  const founded = await product.manage("POST", "/organisations", {
    ...{ name: "Tenant", owner_email: email },
  });
  const token = founded["invitation_token"];
  await expect(201, "POST", "/invitations/accept", {
    ...{ key: "", body: { token, name: "Owner", password } },
  });
  const opened = await ask("POST", "/sessions", { key: "", body: { email, password } });
  const headers = {
    cookie: String(opened.headers["set-cookie"]?.[0]).split(";")[0] ?? "",
    "x-tandem-csrf": String((opened.json as Body)["csrf_token"]),
    "sec-fetch-site": "same-origin",
  };
  const body = { name: "all", scopes: ["admin", "inference"], owner: "nobody" };
  const made = await httpRequest(`tcp:127.0.0.1:${product.port}`, {
    ...{ method: "POST", path: "/api/v1/keys", body },
    headers,
  });
  assert.equal(made.status, 201, made.text);
  const id = String(founded["id"]);
  await product.manage("POST", "/credits", { organisation_id: id, amount: "1", reason: "test" });
  return { id, key: String((made.json as Body)["secret"]) };
}

const inMs = (ms: number): string => new Date(Date.now() + ms).toISOString();

describe("what the platform allows an organisation", () => {
  let ceiling: Body;
  const place = (rest: string): string => `/platform/organisations/${tenant.id}${rest}`;

  test("is above what it sets for itself, and out of its reach", async () => {
    ceiling = await expect(201, "POST", place("/limits"), {
      body: { kind: "requests", amount: 6, window_seconds: 3_600 },
    });
    assert.equal(ceiling["set_by"], "platform");
    const { key } = tenant;
    const above = await ask("POST", "/limits", {
      ...{ key, body: { kind: "requests", amount: 1, window_seconds: 1 } },
    });
    assert.equal(above.status, 409, above.text);
    assert.equal((above.json as Body)["type"], "/errors/quota.above_allowance");
    assert.equal(rows(await expect(200, "GET", "/limits", { key })).length, 1, "it sees it");
    const own = `/limits/${ceiling["id"]}`;
    for (const [method, path, body] of [
      ["PUT", own, { amount: 100 }],
      ["DELETE", own, undefined],
      ["PUT", `${own}/raise`, { amount: 100, until: inMs(60_000) }],
      ["DELETE", `${own}/raise`, undefined],
    ] as const) {
      const refused = await ask(method, path, { key, ...(body && { body }) });
      assert.equal(refused.status, 403, `${method} ${path} ${refused.text}`);
      assert.equal((refused.json as Body)["type"], "/errors/quota.locked");
    }
    assert.equal((await ask("GET", place("/limits"), { key })).status, 403);
    await expect(404, "GET", `/platform/organisations/org_${"0".repeat(26)}/limits`);
  });

  test("holds for its calls, is raised for a time by the platform, and holds again", async () => {
    await untilStatus(429, tenant.key);
    const raise = { amount: 6_000, until: inMs(5_000), reason: "a fair" };
    const path = `/limits/${ceiling["id"]}/raise`;
    const raised = await expect(200, "PUT", place(path), { body: raise });
    assert.deepEqual([raised["amount"], raised["in_force"]], [6, 6_000]);
    assert.match(String((raised["raise"] as Body)["by"]), /^usr_/);
    await untilStatus(200, tenant.key);
    for (let round = 0; round < 8; round += 1) {
      assert.equal((await chat(tenant.key)).status, 200);
    }
    await untilStatus(429, tenant.key);
    const [now] = rows(await expect(200, "GET", place("/limits")));
    assert.deepEqual([now?.["in_force"], now?.["raise"]], [6, null]);
    const audit = await expect(200, "GET", "/audit?limit=50");
    const entry = rows(audit).find(({ action }) => action === "platform.limit.raised");
    assert.ok(JSON.stringify(entry).includes("a fair"), "who, what, until when");
  });

  test("is not multiplied by an outage of quota, and a raise ends in it", async () => {
    const path = `/limits/${ceiling["id"]}/raise`;
    await expect(200, "PUT", place(path), { body: { amount: 6_000, until: inMs(4_000) } });
    await untilStatus(200, tenant.key);
    const quota = ["access-services-1", "access-services-2"];
    for (const name of quota) await product.tandem.kill(name, "SIGSTOP");
    try {
      await untilStatus(429, tenant.key);
      // One of two replicas is at its end: what the other may still admit is its half of six.
      let passed = 0;
      for (let round = 0; round < 12; round += 1) {
        if ((await chat(tenant.key)).status === 200) passed += 1;
      }
      assert.ok(passed <= 3, `${passed} of 12 by a limit of 6 an hour`);
    } finally {
      for (const name of quota) await product.tandem.kill(name, "SIGCONT");
    }
    await until(async () => {
      const { status, text } = await ask("DELETE", place(`/limits/${ceiling["id"]}`));
      return status === 204 ? undefined : text;
    });
    await untilStatus(200, tenant.key);
  });

  test("bounds what it spends; a raised budget refuses again when its time is over", async () => {
    const { key } = tenant;
    const most = await expect(201, "POST", place("/budgets"), {
      body: { amount: "0.5", period: "day" },
    });
    const own = { amount: "0.6", period: "day" };
    assert.equal((await ask("POST", "/budgets", { key, body: own })).status, 409);
    const model = { amount: "0", period: "day", model: "mock-1" };
    const budget = await expect(201, "POST", "/budgets", { key, body: model });
    await untilStatus(402, key);
    const path = `/budgets/${budget["id"]}/raise`;
    const beyond = { amount: "0.7", until: inMs(60_000) };
    assert.equal((await ask("PUT", path, { key, body: beyond })).status, 409);
    await expect(200, "PUT", path, { key, body: { amount: "0.1", until: inMs(4_000) } });
    await untilStatus(200, key);
    await untilStatus(402, key);
    await expect(204, "DELETE", `/budgets/${budget["id"]}`, { key });
    await expect(204, "DELETE", place(`/budgets/${most["id"]}`));
    await untilStatus(200, key);
  });
});

describe("budgets that warn", () => {
  test("are told in answers, in a list and in figures, and refuse nobody", async () => {
    const key = await product.manage("POST", "/keys", { name: "warned" });
    const secret = String(key["secret"]);
    const soft = await product.manage("POST", "/budgets", {
      ...{ key_id: key["id"], amount: "0.000001", period: "month", mode: "soft" },
    });
    let field = "";
    await until(async () => {
      const answer = await chat(secret);
      assert.equal(answer.status, 200, answer.text);
      field = String(answer.headers["x-tandem-budget"] ?? "");
      return field === "" ? "no field yet" : undefined;
    });
    assert.match(field, /^key month [0-9]{3,}% \(soft\)$/);
    // The other replica knows with its own next lease.
    await until(async () => {
      const { headers } = await chat(secret, { stream: true });
      return String(headers["x-tandem-budget"]).startsWith("key month") ? undefined : "not told";
    });
    const told = await product.manage("GET", "/budgets/warnings");
    assert.deepEqual(
      rows(told)
        .map((one) => [one["budget_id"], one["key_id"], one["percent"], one["mode"]])
        .sort(),
      [
        [soft["id"], key["id"], 100, "soft"],
        [soft["id"], key["id"], 80, "soft"],
      ],
    );
    assert.equal((await chat(product.tandem.apiKey)).headers["x-tandem-budget"], undefined);
  });

  test("and who is near a limit is seen by an organisation and by the platform", async () => {
    const { key } = tenant;
    const body = { kind: "requests", amount: 3, window_seconds: 3_600, model: "mock-1" };
    const limit = await expect(201, "POST", "/limits", { key, body });
    await untilStatus(429, key);
    const own = await expect(200, "GET", "/limits/usage?near=80&scope=model", { key });
    assert.deepEqual(
      rows(own).map(({ limit: of, used, used_percent }) => [
        (of as Body)["id"],
        used,
        used_percent,
      ]),
      [[limit["id"], 3, 100]],
    );
    assert.ok(Date.parse(String(rows(own)[0]?.["resets_at"])) > Date.now());
    const all = await expect(200, "GET", "/platform/limits/usage?near=80");
    const whose = rows(all).map(({ organisation_id }) => organisation_id);
    assert.ok(whose.includes(tenant.id) && new Set(whose).size === 2, String(whose));
    assert.equal((await ask("GET", "/platform/limits/usage", { key })).status, 403);
    await expect(204, "DELETE", `/limits/${limit["id"]}`, { key });
    await untilStatus(200, key);
  });
});

describe("a key, as clients meet it", () => {
  const made = (rest: object): Promise<Body> =>
    product.manage("POST", "/keys", { name: "narrow", ...rest });
  const statusOf = async (key: Body, rest: Body = {}): Promise<number> =>
    (await chat(String(key["secret"]), rest)).status;

  test("is let in by address, model, endpoint and scope, and by nothing else", async () => {
    assert.equal(await statusOf(await made({ allowed_addresses: ["127.0.0.0/8"] })), 200);
    const elsewhere = await chat(
      String((await made({ allowed_addresses: ["203.0.113.0/24"] }))["secret"]),
    );
    assert.equal(elsewhere.status, 403, elsewhere.text);
    const models = await made({ allowed_models: ["mock-1"] });
    assert.equal(await statusOf(models), 200);
    const others = await made({ allowed_models: ["another"] });
    const unknown = await chat(String(others["secret"]));
    assert.match(unknown.text, /model_not_found/, "a model that is not for it does not exist");
    const embeddings = await made({ allowed_endpoints: ["embeddings"] });
    assert.equal(await statusOf(embeddings), 403);
    const reader = await made({ scopes: ["manage:read"] });
    assert.equal(await statusOf(reader), 403);
    const secret = String(reader["secret"]);
    await expect(200, "GET", "/limits", { key: secret });
    assert.equal((await ask("POST", "/limits", { key: secret, body: {} })).status, 403);
  });

  test("expires at its time, and says when it was used last", async () => {
    const key = await made({ expires_at: inMs(3_000) });
    assert.equal(await statusOf(key), 200);
    await until(async () => {
      const { last_used_at: at } = await product.manage("GET", `/keys/${key["id"]}`);
      return at === null ? "never used, it says" : undefined;
    });
    await untilStatus(401, String(key["secret"]));
  });

  test("is rotated with both secrets at work, until the overlap is over", async () => {
    const old = await made({});
    assert.equal(await statusOf(old), 200);
    const path = `/keys/${old["id"]}/rotate`;
    const fresh = await product.manage("POST", path, { overlap_seconds: 3 });
    assert.equal(await statusOf(fresh), 200);
    assert.equal(await statusOf(old), 200);
    await untilStatus(401, String(old["secret"]));
    assert.equal(await statusOf(fresh), 200);
  });
});

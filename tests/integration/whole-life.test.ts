/**
 * A whole life through the public door, on a real PostgreSQL, once with Redis and once with the
 * embedded store: from the setup link over a customer's order, calls and refund to the deletion of
 * a person. At every step the money is what the ledger says, to the nano-unit.
 */
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { formatNanos, parseNanos } from "@tandem/libs/kernel";
import {
  createTestRedis,
  type HttpAnswer,
  httpRequest,
  redisBinary,
  type TestRedis,
} from "@tandem/libs/testing";
import { realWorld, sleep } from "@tandem/libs/world";
import { openProduct, type Product } from "./product.ts";

type Body = Readonly<Record<string, unknown>>;
type Headers = Readonly<Record<string, string>>;
const rows = (body: Body): readonly Body[] => body["data"] as readonly Body[];
const usd = (amount: string) => ({ amount, currency: "USD" });
const world = realWorld();
const password = "correct horse battery";
const month = new Date().toISOString().slice(0, 7);

describe("with Redis", { skip: redisBinary === undefined && "no redis-server on PATH" }, () => {
  let redis: TestRedis;
  before(async () => {
    redis = await createTestRedis();
    await redis.start();
  });
  after(() => redis.remove());
  live("redis", () => ({ REDIS_URL: redis.url }));
});

describe("without Redis", () => {
  const shims = mkdtempSync(join(tmpdir(), "tandem-no-redis-"));
  before(() => {
    // One that is installed does not start, so the store is the embedded one.
    for (const name of ["redis-server", "valkey-server"]) {
      writeFileSync(join(shims, name), "#!/bin/sh\nexit 1\n", { mode: 0o755 });
    }
  });
  after(() => rmSync(shims, { recursive: true, force: true }));
  live("lmdb", () => ({ PATH: `${shims}:${process.env["PATH"] ?? ""}` }));
});

/** One product, on which one life is lived from its beginning to its end. */
function live(
  store: "redis" | "lmdb",
  environmentOf: () => Readonly<Record<string, string>>,
): void {
  const folder = mkdtempSync(join(tmpdir(), "tandem-life-"));
  let product: Product;
  let serial = 0;
  /** What clients were charged, by request, as their answers said. */
  const paid = new Map<string, bigint>();
  /** Sessions of who runs the platform, and of the customer's founder. */
  let operator: Headers;
  let founder: Headers;
  let project = "";
  let manager: Headers;
  let program = "";
  let orderId = "";

  before(async () => {
    // Nobody has set it up: keys that are there already are all that a start looks for.
    const keys = { OPENAI_API_KEY: "none", TANDEM_MODEL: "mock-1", TANDEM_ADMIN_KEY: "none" };
    const urls = { OPENAI_BASE_URL: "none", TANDEM_ADMIN_URL: "none" };
    const lines = Object.entries({ ...urls, ...keys }).map(([name, is]) => `export ${name}=${is}`);
    writeFileSync(join(folder, "dev.env"), `${lines.join("\n")}\n`, { mode: 0o600 });
    product = await openProduct({ dataDirectory: folder, environment: environmentOf() });
  });
  after(async () => {
    await product.close();
    rmSync(folder, { recursive: true, force: true });
  });

  function send(method: string, path: string, given: { headers?: Headers; body?: object } = {}) {
    serial += 1;
    return httpRequest(`tcp:127.0.0.1:${product.port}`, {
      ...{ method, path },
      headers: { "idempotency-key": `life-${serial}`, "if-match": "*", ...given.headers },
      ...(given.body !== undefined && { body: given.body }),
    });
  }

  async function expect(
    status: number,
    method: string,
    path: string,
    given: { headers?: Headers; body?: object } = {},
  ): Promise<Body> {
    const answer = await send(method, `/api/v1${path}`, given);
    assert.equal(answer.status, status, `${method} ${path}: ${answer.text}`);
    return (answer.json ?? {}) as Body;
  }

  const by = (secret: unknown): Headers => ({ authorization: `Bearer ${secret}` });

  async function chat(secret: string, rest: object = {}): Promise<HttpAnswer> {
    const content = `life ${serial} tokens=12`;
    const answer = await send("POST", "/v1/chat/completions", {
      headers: { ...by(secret), "idempotency-key": `chat-${serial}` },
      body: { model: "mock-1", max_tokens: 20, messages: [{ role: "user", content }], ...rest },
    });
    const id = String(answer.headers["x-request-id"]);
    if (answer.status === 200) paid.set(id, parseNanos(usageIn(answer).x_tandem.cost));
    return answer;
  }

  async function signIn(email: string): Promise<Headers> {
    const opened = await send("POST", "/api/v1/sessions", { body: { email, password } });
    assert.equal(opened.status, 201, opened.text);
    return {
      cookie: String(opened.headers["set-cookie"]?.[0]).split(";")[0] ?? "",
      "x-tandem-csrf": String((opened.json as Body)["csrf_token"]),
      "sec-fetch-site": "same-origin",
    };
  }

  async function joined(token: unknown, email: string): Promise<Headers> {
    const body = { token, name: `Name of ${email}`, password };
    await expect(201, "POST", "/invitations/accept", { body });
    return signIn(email);
  }

  /** What the customer's ledger took for requests. */
  async function ledger(): Promise<Map<string, bigint>> {
    const found = await expect(200, "GET", "/ledger/transfers?limit=100", { headers: manager });
    const settled = rows(found).filter(({ kind }) => kind === "settlement");
    return new Map(
      settled.map(({ reference, amount }) => [
        String(reference),
        parseNanos((amount as { amount: string }).amount),
      ]),
    );
  }

  const total = async (): Promise<bigint> => {
    const wallet = await expect(200, "GET", "/wallet", { headers: manager });
    return parseNanos((wallet["total"] as { amount: string }).amount);
  };

  test("the setup link opens the platform once, for an owner with a password", async () => {
    const secrets = JSON.parse(readFileSync(join(folder, "keys/secrets.json"), "utf8")) as Body;
    const email = "operator@example.com";
    const body = { token: secrets["setupToken"], organisation_name: "Operators", email, password };
    await expect(403, "POST", "/setup", { body: { ...body, token: "guessed" } });
    const made = await expect(201, "POST", "/setup", { body });
    assert.equal((await expect(201, "POST", "/setup", { body }))["user_id"], made["user_id"]);
    operator = await signIn(email);
    await expect(403, "POST", "/setup", { body });
    const { runDirectory } = await product.tandem.status();
    const site = readFileSync(`${runDirectory}/sockets/access-services-1.site.json`, "utf8");
    assert.match(site, new RegExp(`"hotStoreUrl":\\s*"${store}`));
    const me = await expect(200, "GET", "/me", { headers: operator });
    assert.deepEqual(me["roles"], ["owner", "platform:owner"]);
  });

  test("an organisation is founded, with a project, and a key with limits", async () => {
    const email = "founder@example.com";
    const founded = await expect(201, "POST", "/organisations", {
      ...{ headers: operator, body: { name: "Customer", owner_email: email } },
    });
    founder = await joined(founded["invitation_token"], email);
    const given = { headers: founder, body: { name: "Assistant" } };
    project = String((await expect(201, "POST", "/projects", given))["id"]);
    const all = { name: "manager", scopes: ["admin"], owner: "nobody" };
    const made = await expect(201, "POST", "/keys", { headers: founder, body: all });
    manager = by(made["secret"]);
    const body = { name: "program", project_id: project, allowed_models: ["mock-*"] };
    const key = await expect(201, "POST", "/keys", { headers: founder, body });
    program = String(key["secret"]);
    const limit = { kind: "requests", amount: 1_000, key_id: key["id"] };
    await expect(201, "POST", "/limits", { headers: manager, body: limit });
    const refused = await chat(program);
    assert.equal(refused.status, 402, refused.text);
    assert.match(refused.text, /insufficient_quota/);
  });

  test("an order is paid by hand, and is credit once", async () => {
    const pack = await expect(201, "POST", "/packs", {
      headers: operator,
      body: { name: "Ten", price: "10", tax_percent: "19", credit: "12" },
    });
    const order = await expect(201, "POST", "/orders", {
      ...{ headers: founder, body: { product_id: pack["id"] } },
    });
    assert.deepEqual([order["state"], order["total"]], ["awaiting_payment", usd("11.90")]);
    orderId = String(order["id"]);
    const confirm = { headers: operator, body: usd("11.90") };
    const path = `/orders/${orderId}/confirm-payment`;
    assert.equal(
      (await send("POST", `/api/v1${path}`, { ...confirm, headers: founder })).status,
      403,
    );
    await expect(200, "POST", path, confirm);
    await until(async () => {
      const { state } = await expect(200, "GET", `/orders/${orderId}`, { headers: founder });
      return state === "fulfilled" ? undefined : `${state}`;
    });
    const wallet = await expect(200, "GET", "/wallet", { headers: manager });
    assert.deepEqual([wallet["purchased"], wallet["granted"]], [usd("12.00"), usd("0.00")]);
  });

  test("an article is published, and chats cite it, billed to the nano-unit", async () => {
    const text = "The code WND-4711 means that the wanderer has lost the saddle.";
    const article = await expect(201, "POST", "/articles", {
      ...{ headers: founder, body: { title: "Codes", body: `# Codes\n\n${text}`, publish: true } },
    });
    await until(async () => {
      const { status, text: said } = await chat(program);
      return status === 200 ? undefined : said;
    });
    const messages = [{ role: "user", content: "What does the code WND-4711 mean?" }];
    for (const stream of [false, true]) {
      const answer = await chat(program, { messages, stream, x_tandem: { articles: true } });
      assert.equal(answer.status, 200, answer.text);
      const usage = usageIn(answer);
      assert.equal(usage.x_tandem.citations?.[0]?.["article_id"], article["id"]);
      const nanos = BigInt(usage.prompt_tokens * 1_000 + usage.completion_tokens * 2_000);
      assert.equal(usage.x_tandem.cost, formatNanos(nanos));
    }
    assert.equal(paid.size, 3);
  });

  test("what goes beyond its limits is refused, each with its status", async () => {
    const key = async (rest: object): Promise<Body> =>
      expect(201, "POST", "/keys", { headers: founder, body: { name: "narrow", ...rest } });
    const fast = await key({});
    const rate = { kind: "requests", amount: 0, key_id: fast["id"] };
    await expect(201, "POST", "/limits", { headers: manager, body: rate });
    const poor = await key({});
    const budget = { amount: "0", period: "day", key_id: poor["id"] };
    await expect(201, "POST", "/budgets", { headers: manager, body: budget });
    const reader = await key({ scopes: ["manage:read"] });
    for (const [narrow, status, says] of [
      [fast, 429, "rate_limit"],
      [poor, 402, "spend_limit_exceeded"],
      [reader, 403, "permission"],
    ] as const) {
      // What is set anew is in force when a gateway renews its leases.
      await until(async () => {
        const answer = await chat(String(narrow["secret"]));
        const isRefused = answer.status === status && answer.text.includes(says);
        return isRefused ? undefined : `${answer.status} ${answer.text}`;
      });
    }
  });

  test("usage is exported, and is the ledger to the last nano-unit", async () => {
    const span = `from=${month}-01T00:00:00Z&until=${new Date(Date.now() + 60_000).toISOString()}`;
    const path = `/api/v1/usage/export?${span}&format=ndjson`;
    await until(async () => {
      const { text } = await send("GET", path, { headers: manager });
      const facts = text.split("\n").filter((line) => line !== "");
      const costs = facts.map((line) => JSON.parse(line) as { id: string; cost: string });
      const charged = costs.filter(({ cost }) => parseNanos(cost) > 0n);
      const usage = new Map(charged.map(({ id, cost }) => [id, parseNanos(cost)]));
      const taken = await ledger();
      if (usage.size < paid.size || taken.size < paid.size) return `${usage.size}, ${taken.size}`;
      assert.deepEqual(sorted(usage), sorted(taken));
      assert.deepEqual(sorted(taken), sorted(paid), "and what the answers said");
      return undefined;
    });
    assert.equal(await total(), parseNanos("12") - sum(paid.values()));
  });

  test("half is refunded, and stands with the order in the statement", async () => {
    const refund = { amount: "5.95", reason: "too much" };
    await expect(201, "POST", `/orders/${orderId}/refunds`, { headers: operator, body: refund });
    await until(async () => {
      const { state } = await expect(200, "GET", `/orders/${orderId}`, { headers: founder });
      return state === "partially_refunded" ? undefined : `${state}`;
    });
    assert.equal(await total(), parseNanos("6") - sum(paid.values()));
    const statement = await expect(200, "GET", `/statements?month=${month}`, { headers: founder });
    assert.equal((statement["lines"] as unknown[]).length, 2);
    for (const [format, begins] of Object.entries({ pdf: "%PDF-", csv: "date,kind," })) {
      const path = `/api/v1/statements/file?month=${month}&format=${format}`;
      const { status, text } = await send("GET", path, { headers: founder });
      assert.deepEqual([status, text.slice(0, begins.length)], [200, begins]);
    }
  });

  test("FOCUS rows bill what was paid, and carry what was used as effective cost", async () => {
    const until = new Date(Date.now() + 60_000).toISOString();
    const path = `/api/v1/usage/export?from=${month}-01T00:00:00Z&until=${until}&format=focus`;
    const { text } = await send("GET", path, { headers: manager });
    const [header = "", ...lines] = text.trimEnd().split("\r\n");
    const names = header.split(",");
    const table = lines.map((line) => {
      const cells = line.split(",");
      return new Map(names.map((name, index) => [name, cells[index] ?? ""]));
    });
    const sumOf = (column: string, kept = table): bigint =>
      sum(kept.map((row) => signed(row.get(column) ?? "0")));
    const of = (category: string) => table.filter((row) => row.get("ChargeCategory") === category);
    assert.equal(sumOf("EffectiveCost"), sum(paid.values()));
    assert.equal(sumOf("BilledCost"), parseNanos("11.90") - parseNanos("5.95"));
    assert.equal(sumOf("BilledCost", of("Purchase")), parseNanos("5.00"));
    assert.equal(sumOf("BilledCost", of("Tax")), parseNanos("0.95"));
    const filtered = await send("GET", `${path}&model=mock-1`, { headers: manager });
    assert.ok(!filtered.text.includes("Purchase"), "nobody buys for a model");
  });

  test("a person is deleted: nothing leads to them, and what they used stays in the books", async () => {
    const email = "leaving@example.com";
    const invited = await expect(201, "POST", "/invitations", {
      ...{ headers: founder, body: { email, role: "developer" } },
    });
    const leaving = await joined(invited["token"], email);
    const own = await expect(201, "POST", "/keys", { headers: leaving, body: { name: "mine" } });
    const secret = String(own["secret"]);
    assert.equal((await chat(secret)).status, 200);
    await expect(204, "POST", "/me/erasure", { headers: leaving, body: { email } });
    await until(async () => {
      const { status } = await chat(secret);
      return status === 401 ? undefined : `${status}`;
    });
    const again = await send("POST", "/api/v1/sessions", { body: { email, password } });
    assert.equal(again.status, 401);
    for (const path of ["members", "invitations", "audit?limit=100", "keys"]) {
      const { status, text } = await send("GET", `/api/v1/${path}`, { headers: founder });
      assert.equal(status, 200);
      assert.ok(!text.includes(email), `${path} still has the address`);
    }
    await until(async () => {
      const taken = await ledger();
      return taken.size === paid.size ? undefined : `${taken.size} of ${paid.size}`;
    });
    assert.deepEqual(sorted(await ledger()), sorted(paid));
  });

  test("at the end every balance follows from its transfers, and nothing was given up", async () => {
    const verdict = await expect(200, "GET", "/ledger/verify", { headers: operator });
    assert.deepEqual([verdict["ok"], verdict["sum_nanos"], verdict["problems"]], [true, "0", 0]);
    for (const headers of [operator, founder]) {
      assert.equal((await expect(200, "GET", "/audit/verify", { headers }))["ok"], true);
    }
    for (const owner of ["users", "quota", "orders", "articles"]) {
      const letters = await expect(200, "GET", `/dead-letters/${owner}`, { headers: operator });
      assert.equal(letters["parked"], 0, owner);
    }
  });
}

interface Usage {
  readonly prompt_tokens: number;
  readonly completion_tokens: number;
  readonly x_tandem: {
    readonly cost: string;
    readonly citations?: readonly Body[];
  };
}

/** Of a whole answer, or from the last event of a stream. */
function usageIn({ json, text }: HttpAnswer): Usage {
  if (json !== undefined) return (json as { usage: Usage }).usage;
  const [, last = "{}"] = [...text.matchAll(/^data: (\{.*\})$/gm)].at(-1) ?? [];
  return (JSON.parse(last) as { usage: Usage }).usage;
}

/** Amounts of corrections are negative. */
const signed = (amount: string): bigint =>
  amount.startsWith("-") ? -parseNanos(amount.slice(1)) : parseNanos(amount);
const sorted = (map: ReadonlyMap<string, bigint>) => [...map].sort();
const sum = (values: Iterable<bigint>): bigint => [...values].reduce((all, one) => all + one, 0n);

async function until(what: () => Promise<string | undefined>): Promise<void> {
  let missing: string | undefined;
  for (let look = 0; look < 300; look += 1) {
    missing = await what();
    if (missing === undefined) return;
    await sleep(world, 100);
  }
  assert.fail(missing);
}

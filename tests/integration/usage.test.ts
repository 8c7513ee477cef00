import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { parseNanos } from "@tandem/libs/kernel";
import { realWorld, sleep } from "@tandem/libs/world";
import { openProduct, type Product } from "./product.ts";

let product: Product;
const world = realWorld();
/** What clients were answered: statuses, and the ids of what was served. */
const answered = { statuses: [] as number[], served: [] as string[] };

before(async () => {
  product = await openProduct();
});
after(() => product.close());

let asked = 0;

interface Ask {
  readonly model?: string;
  readonly stream?: boolean;
  readonly content?: string;
  readonly key?: string;
}

/** A call through the public door, as clients make it; its status, 0 when it was cut. */
async function call({ model = "mock-1", stream = false, content, key }: Ask = {}): Promise<number> {
  asked += 1;
  const text = content ?? `usage ${process.pid} ${asked} tokens=${5 + (asked % 20)}`;
  try {
    const response = await fetch(`${product.tandem.baseUrl}/chat/completions`, {
      method: "POST",
      headers: {
        authorization: `Bearer ${key ?? product.tandem.apiKey}`,
        "content-type": "application/json",
      },
      body: JSON.stringify({
        ...{ model, stream, messages: [{ role: "user", content: text }] },
        // Has one right answer, which comes from the cache the next time.
        ...(content !== undefined && { temperature: 0 }),
      }),
    });
    await response.text();
    answered.statuses.push(response.status);
    if (response.ok) answered.served.push(String(response.headers.get("x-request-id")));
    return response.status;
  } catch {
    return 0;
  }
}

type Body = Record<string, unknown>;
const rowsOf = (body: Body): Body[] => body["data"] as Body[];
const day = 86_400_000;
const span = (): string => {
  const from = new Date(Date.now() - day).toISOString();
  return `from=${from}&until=${new Date(Date.now() + day).toISOString()}`;
};

const usage = (query = ""): Promise<Body> => product.manage("GET", `/usage?${span()}${query}`);

async function file(format: string): Promise<string> {
  const response = await fetch(
    `${product.tandem.adminUrl}/usage/export?${span()}&format=${format}`,
    {
      headers: { authorization: `Bearer ${product.tandem.adminKey}` },
    },
  );
  assert.equal(response.status, 200);
  return response.text();
}

/** What the ledger took, by request. */
async function ledger(): Promise<Map<string, bigint>> {
  const taken = new Map<string, bigint>();
  let after = "";
  for (;;) {
    const page = await product.manage("GET", `/ledger/transfers?limit=100${after}`);
    for (const entry of rowsOf(page)) {
      if (entry["kind"] !== "settlement") continue;
      const { amount } = entry["amount"] as { amount: string };
      const id = String(entry["reference"]);
      taken.set(id, (taken.get(id) ?? 0n) + parseNanos(amount));
    }
    if (page["has_more"] !== true) return taken;
    after = `&after=${page["last_id"]}`;
  }
}

function factsIn(ndjson: string): Body[] {
  return ndjson
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Body);
}

const costOf = (fact: Body): bigint => parseNanos(String(fact["cost"]));
const sum = (values: Iterable<bigint>): bigint => [...values].reduce((all, each) => all + each, 0n);

/** Waits until `what` holds; the last answer is in the error otherwise. */
async function until(what: () => Promise<string | undefined>): Promise<void> {
  let missing: string | undefined;
  for (let look = 0; look < 300; look += 1) {
    missing = await what().catch((error: unknown) => String(error));
    if (missing === undefined) return;
    await sleep(world, 100);
  }
  assert.fail(missing);
}

async function isAllCounted(): Promise<string | undefined> {
  const facts = new Set(factsIn(await file("ndjson")).map(({ id }) => String(id)));
  const missing = answered.served.filter((id) => !facts.has(id));
  return missing.length === 0 ? undefined : `not counted: ${missing.join(", ")}`;
}

/** Sums, single calls and FOCUS rows, each against the ledger, to the nano. */
async function assertEqualsLedger(): Promise<void> {
  const taken = await ledger();
  const facts = factsIn(await file("ndjson"));
  const charged = facts.filter((fact) => costOf(fact) > 0n);
  const byRequest = new Map(charged.map((fact) => [String(fact["id"]), costOf(fact)]));
  assert.equal(charged.length, byRequest.size, "no call is there twice");
  assert.deepEqual(new Map([...byRequest].sort()), new Map([...taken].sort()));
  const [total = {}] = (await usage())["totals"] as Body[];
  const { amount } = total["cost"] as { amount: string };
  assert.equal(parseNanos(amount), sum(taken.values()));
  const [header = "", ...lines] = (await file("focus")).trimEnd().split("\r\n");
  const at = header.split(",").indexOf("EffectiveCost");
  assert.equal(
    sum(lines.map((line) => parseNanos(line.split(",")[at] ?? ""))),
    sum(taken.values()),
  );
  const verified = await product.manage("GET", "/ledger/verify");
  assert.equal(verified["ok"], true);
}

describe("usage", () => {
  test("of calls of every kind equals the ledger, in sums, files and FOCUS rows", async () => {
    const repeated = `usage ${process.pid} again tokens=9`;
    for (let round = 0; round < 4; round += 1) {
      assert.equal(await call(), 200);
      assert.equal(await call({ stream: true }), 200);
      assert.equal(await call({ content: repeated }), 200);
      assert.equal(await call({ model: "no such model" }), 400);
    }
    const key = await product.manage("POST", "/keys", { name: "narrow", scopes: ["inference"] });
    const limit = { kind: "requests", amount: 0, window_seconds: 60, key_id: key["id"] };
    await product.manage("POST", "/limits", limit);
    await until(async () => {
      const status = await call({ key: String(key["secret"]) });
      return status === 429 ? undefined : `answered ${status}`;
    });
    await until(isAllCounted);
    await until(async () => {
      const { data } = (await usage("&group_by=status&rank_by=requests")) as { data: Body[] };
      const counted = new Map(
        data.map(({ group, requests }) => [Number((group as Body)["status"]), Number(requests)]),
      );
      const wanted = Map.groupBy(answered.statuses, (status) => status);
      for (const [status, { length }] of wanted) {
        if (counted.get(status) !== length) return `${status}: ${counted.get(status)} of ${length}`;
      }
      return undefined;
    });
    await assertEqualsLedger();
    const outcomes = (await usage("&group_by=outcome")) as { data: Body[] };
    const names = outcomes.data.map(({ group }) => (group as Body)["outcome"]);
    assert.deepEqual(names.sort(), ["cached", "complete", "refused"]);
  });

  test("is grouped by key and model over steps, with percentiles, and forecast", async () => {
    const body = await usage("&group_by=key,model&step=hour&latency=true&limit=5");
    const row = rowsOf(body)[0] ?? {};
    assert.match(String((row["group"] as Body)["key"]), /^key_/);
    assert.ok(Number((row["duration_ms"] as Body)["p95"]) > 0);
    assert.match(String(row["at"]), /:00:00.000Z$/);
    const forecast = await product.manage("GET", "/usage/forecast?days=7");
    assert.equal(rowsOf(forecast).length, 7);
    const csv = (await file("csv")).split("\r\n");
    assert.ok(csv[0]?.startsWith("id,at,"));
  });

  test("is lost or doubled by no kill of gateways, quota or analytics", async () => {
    const victims = [
      "ai-gateway-1",
      "business-services-1",
      "access-services-1",
      "business-services-2",
      "access-services-2",
      "ai-gateway-2",
    ];
    let isOver = false;
    const callers = Array.from({ length: 4 }, async (_, index) => {
      while (!isOver) await call({ stream: index % 2 === 0 });
    });
    for (const victim of victims) {
      await sleep(world, 250);
      const before = (await product.tandem.status()).processes.find(({ name }) => name === victim);
      await product.tandem.kill(victim);
      await product.tandem.until(
        ({ processes }) =>
          processes.some(({ name, deaths, state }) => {
            return name === victim && deaths > (before?.deaths ?? 0) && state === "ready";
          }),
        30_000,
      );
    }
    isOver = true;
    await Promise.all(callers);
    await until(isAllCounted);
    await until(async () => {
      const taken = await ledger();
      const facts = new Set(factsIn(await file("ndjson")).map(({ id }) => String(id)));
      const missing = [...taken.keys()].filter((id) => !facts.has(id));
      return missing.length === 0 ? undefined : `settled, not counted: ${missing.length}`;
    });
    await assertEqualsLedger();
  });
});

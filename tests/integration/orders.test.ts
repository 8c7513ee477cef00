/** Orders through the business gateway's HTTP, with real quota, and its fallback without orders. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { type AccessHouse, type Ask, openAccessHouse, setUp } from "./access-house.ts";

let house: AccessHouse;
let key: string;
let packId: string;
let serial = 0;

type Json = Record<string, unknown>;

before(async () => {
  house = await openAccessHouse();
  key = (await setUp(house)).adminKey;
  const pack = await house.expect(201, {
    ...{ method: "POST", path: "/api/v1/packs", key },
    body: { name: "Ten", price: "10", tax_percent: "19", credit: "12" },
  });
  packId = String(pack["id"]);
});

after(() => house.close());

function order(idempotencyKey?: string): Ask {
  serial += 1;
  return {
    ...{ method: "POST", path: "/api/v1/orders", key },
    headers: { "idempotency-key": idempotencyKey ?? `order-${serial}` },
    body: { product_id: packId, note: "for the team" },
  };
}

async function untilState(id: unknown, state: string, gateway: 1 | 2 = 1): Promise<Json> {
  const deadline = Date.now() + 20_000;
  for (;;) {
    const answer = await house.ask({ path: `/api/v1/orders/${id}`, key }, gateway);
    const body = (answer.json ?? {}) as Json;
    if (answer.status === 200 && body["state"] === state) return body;
    assert.ok(Date.now() < deadline, `not ${state}: ${answer.text}`);
    await pause(25);
  }
}

const wallet = async (): Promise<unknown> =>
  (await house.expect(200, { path: "/api/v1/wallet", key }))["purchased"];

const confirmation = { amount: "11.90", currency: "USD" };

function confirm(id: unknown, idempotencyKey: string): Ask {
  return {
    ...{ method: "POST", path: `/api/v1/orders/${id}/confirm-payment`, key },
    headers: { "idempotency-key": idempotencyKey },
    body: confirmation,
  };
}

describe("with everything there", () => {
  test("order, payment, credit, refund, statement; the ledger's sum stays 0", async () => {
    const made = await house.expect(201, order("life"));
    assert.deepEqual(made["total"], { amount: "11.90", currency: "USD" });
    assert.equal(made["state"], "awaiting_payment");
    const again = await house.expect(201, order("life"), 2);
    assert.equal(again["id"], made["id"]);
    const id = made["id"];
    const reference = String(made["reference"]);
    const found = await house.expect(200, {
      path: `/api/v1/payments/references/${reference}`,
      key,
    });
    assert.equal(found["id"], id);
    await Promise.all(
      [1, 2].map((gateway) => house.ask(confirm(id, `seen-${gateway}`), gateway as 1 | 2)),
    );
    await untilState(id, "fulfilled", 2);
    assert.deepEqual(await wallet(), { amount: "12.00", currency: "USD" });
    const half = {
      ...{ method: "POST", path: `/api/v1/orders/${id}/refunds`, key },
      headers: { "idempotency-key": "half" },
      body: { amount: "5.95", reason: "too much" },
    };
    await house.expect(201, half);
    await house.expect(201, half, 2);
    await untilState(id, "partially_refunded");
    assert.deepEqual(await wallet(), { amount: "6.00", currency: "USD" });
    const month = new Date().toISOString().slice(0, 7);
    const statement = await house.expect(200, { path: `/api/v1/statements?month=${month}`, key });
    assert.equal((statement["lines"] as unknown[]).length, 2);
    for (const [format, begins] of Object.entries({ pdf: "%PDF-", csv: "date,kind," })) {
      const path = `/api/v1/statements/file?month=${month}&format=${format}`;
      const file = await house.ask({ path, key });
      assert.equal(file.status, 200, file.text);
      assert.match(String(file.headers["content-disposition"]), /statement-20/);
      assert.ok(file.text.startsWith(begins), file.text.slice(0, 20));
    }
    const ledger = await house.expect(200, { path: "/api/v1/ledger/verify", key });
    assert.deepEqual([ledger["ok"], ledger["sum_nanos"]], [true, "0"]);
  });

  test("bad input is refused with its reason, and changes nothing", async () => {
    const ask = order();
    const bodies = [
      {},
      { product_id: "pck_1" },
      { product_id: packId, quantity: 0 },
      { product_id: packId, quantity: 1.5 },
      { product_id: packId, price: "0.01" },
      { product_id: packId, expected_total: "-1" },
    ];
    for (const body of bodies) assert.equal((await house.ask({ ...ask, body })).status, 400);
    assert.equal((await house.ask({ ...ask, headers: {} })).status, 400);
    const other = { ...order("life"), body: { product_id: packId, quantity: 2 } };
    assert.equal((await house.ask(other)).status, 422);
    const dearer = { ...order(), body: { product_id: packId, expected_total: "1" } };
    assert.equal((await house.ask(dearer)).status, 409);
    const events = { method: "POST", path: "/api/v1/payments/events/stripe", body: "{}" };
    assert.equal((await house.ask(events)).status, 404);
  });
});

describe("with the orders service gone", () => {
  let before: Json;
  let queuedId: unknown;

  test("reads come from the last copy, of whichever replica, marked and with their age", async () => {
    before = await house.expect(200, { path: "/api/v1/orders", key });
    await house.expect(200, { path: "/api/v1/packs", key });
    await house.stop("orders");
    for (const gateway of [1, 2] as const) {
      await house.ask({ path: "/api/v1/orders", key }, gateway);
      const startedMs = performance.now();
      const answer = await house.ask({ path: "/api/v1/orders", key }, gateway);
      const tookMs = performance.now() - startedMs;
      assert.equal(answer.status, 200, answer.text);
      assert.equal(answer.headers["x-tandem-degraded"], "stale");
      assert.match(String(answer.headers.age), /^\d+$/);
      const { degraded, ...body } = answer.json as Json;
      assert.deepEqual(degraded, ["stale"]);
      assert.deepEqual(body, before);
      assert.ok(tookMs < 100, `took ${tookMs} ms`);
    }
  });

  test("a new order is stored and answered with 202, and any replica knows it", async () => {
    await house.ask(order());
    const startedMs = performance.now();
    const answer = await house.ask(order("while-away"));
    const tookMs = performance.now() - startedMs;
    assert.equal(answer.status, 202, answer.text);
    const body = answer.json as Json;
    assert.equal(body["state"], "queued");
    assert.match(String(body["message"]), /will be made, once/);
    assert.equal(answer.headers["x-tandem-degraded"], "queued");
    assert.equal(answer.headers.location, `/api/v1/orders/${body["id"]}`);
    assert.ok(tookMs < 100, `took ${tookMs} ms`);
    queuedId = body["id"];
    for (const gateway of [1, 2] as const) {
      assert.equal((await house.ask(order("while-away"), gateway)).status, 202);
      const read = await house.ask({ path: `/api/v1/orders/${queuedId}`, key }, gateway);
      assert.equal(read.status, 200, read.text);
      assert.deepEqual((read.json as Json)["degraded"], ["queued"]);
    }
    const change = { method: "POST", path: `/api/v1/orders/${queuedId}/cancel`, key };
    assert.equal((await house.ask(change)).status, 503);
  });

  test("nothing of it touches the access domain", async () => {
    for (const path of ["/api/v1/me", "/api/v1/wallet", "/api/v1/keys", "/api/v1/projects"]) {
      const answer = await house.ask({ path, key });
      assert.equal(answer.status, 200, answer.text);
      assert.equal(answer.headers["x-tandem-degraded"], undefined);
    }
  });

  test("back again, it is made once, under the id that was told", async () => {
    await house.restart("orders");
    const made = await untilState(queuedId, "awaiting_payment");
    assert.equal(made["id"], queuedId);
    assert.deepEqual(made["total"], { amount: "11.90", currency: "USD" });
    const all = await house.expect(200, { path: "/api/v1/orders?limit=100", key });
    const ids = (all["data"] as Json[]).map(({ id }) => id);
    assert.equal(ids.length, (before["data"] as Json[]).length + 2);
    assert.equal(new Set(ids).size, ids.length);
    assert.equal((await house.ask(order("while-away"))).status, 202);
    const after = await house.expect(200, { path: "/api/v1/orders?limit=100", key });
    assert.equal((after["data"] as Json[]).length, ids.length);
    const next = await house.ask(order());
    assert.equal(next.status, 201, next.text);
  });
});

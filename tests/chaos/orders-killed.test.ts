/**
 * Orders through the public door of the running product, while its processes are killed: an order's
 * whole life, payments under fire, and the fallback with both replicas of the service gone.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { startTandem, type Tandem } from "@tandem/libs/testing";

type Json = Record<string, unknown>;

interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Json;
  readonly tookMs: number;
}

const services = ["business-services-1", "business-services-2"];
const gateways = ["business-gateway-1", "business-gateway-2"];
const patienceMs = 90_000;

let tandem: Tandem;
let packId: string;
let serial = 0;

before(async () => {
  tandem = await startTandem({
    settings: { orders: { products: [{ key: "ten", name: "Ten", price: "10", credit: "12" }] } },
  });
  const packs = await get("/api/v1/packs");
  assert.equal(packs.status, 200, JSON.stringify(packs.body));
  packId = String((packs.body["data"] as Json[])[0]?.["id"]);
});

after(async () => {
  const { leftovers } = await tandem.stop();
  assert.deepEqual(leftovers, []);
});

async function call(method: string, path: string, body?: object, key?: string): Promise<Answer> {
  serial += 1;
  const startedMs = performance.now();
  const response = await fetch(`${tandem.origin}${path}`, {
    method,
    headers: {
      authorization: `Bearer ${tandem.adminKey}`,
      "idempotency-key": key ?? `call-${serial}`,
      ...(body && { "content-type": "application/json" }),
    },
    ...(body && { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  return {
    status: response.status,
    headers: response.headers,
    body: text === "" ? {} : (JSON.parse(text) as Json),
    tookMs: performance.now() - startedMs,
  };
}

const get = (path: string): Promise<Answer> => call("GET", path);

const order = (key: string): Promise<Answer> =>
  call("POST", "/api/v1/orders", { product_id: packId }, key);

/** Repeats a call with its key until it is answered like that: what a client should do. */
async function insist(ask: () => Promise<Answer>, isSo: (answer: Answer) => boolean) {
  const giveUpMs = performance.now() + patienceMs;
  for (;;) {
    const answer = await ask().catch(() => undefined);
    if (answer !== undefined && isSo(answer)) return answer;
    assert.ok(performance.now() < giveUpMs, JSON.stringify(answer));
    await pause(100);
  }
}

const untilState = (id: unknown, state: string) =>
  insist(
    () => get(`/api/v1/orders/${id}`),
    ({ status, body }) => status === 200 && body["state"] === state,
  );

const confirm = (id: unknown) =>
  call(
    "POST",
    `/api/v1/orders/${id}/confirm-payment`,
    { amount: "10", currency: "USD" },
    `confirm ${id}`.replace(" ", "-"),
  );

async function purchased(): Promise<string> {
  const { body } = await get("/api/v1/wallet");
  return String((body["purchased"] as Json)["amount"]);
}

async function ledgerIsWhole(): Promise<void> {
  const { body } = await insist(
    () => get("/api/v1/ledger/verify"),
    ({ status }) => status === 200,
  );
  assert.deepEqual([body["ok"], body["sum_nanos"]], [true, "0"]);
}

test("order, payment, credit in the wallet, refund", async () => {
  const made = await order("life");
  assert.equal(made.status, 201, JSON.stringify(made.body));
  const { id } = made.body;
  assert.equal((await confirm(id)).status, 200);
  await untilState(id, "fulfilled");
  assert.equal(await purchased(), "12.00");
  const refund = await call("POST", `/api/v1/orders/${id}/refunds`, {}, "life-refund");
  assert.equal(refund.status, 201, JSON.stringify(refund.body));
  await untilState(id, "refunded");
  assert.equal(await purchased(), "0.00");
  await ledgerIsWhole();
});

test("payments while orders, quota and gateways are killed: one credit each", async () => {
  const keys = Array.from({ length: 12 }, (_, index) => `fire-${index}`);
  const killing = (async () => {
    for (const name of [...services, "access-services-1", ...gateways, "access-services-2"]) {
      await tandem.kill(name).catch(() => undefined);
      await pause(150);
    }
  })();
  const live = async (key: string): Promise<string> => {
    const made = await insist(
      () => order(key),
      ({ status }) => status === 201 || status === 202,
    );
    const { id } = made.body;
    await insist(
      () => confirm(id),
      ({ status }) => status === 200,
    );
    await untilState(id, "fulfilled");
    return String(id);
  };
  const ids = await Promise.all(keys.map(live));
  await killing;
  assert.equal(new Set(ids).size, keys.length);
  await insist(
    () => get("/api/v1/wallet"),
    ({ body }) => (body["purchased"] as Json | undefined)?.["amount"] === "144.00",
  );
  await ledgerIsWhole();
});

/** Kills both replicas and asks at once, before the supervisor has them back. */
async function queueOne(): Promise<Answer> {
  for (let round = 0; round < 5; round += 1) {
    await tandem.until(
      ({ processes }) =>
        processes.every(({ name, state }) => !services.includes(name) || state === "ready"),
      patienceMs,
    );
    await insist(
      () => get("/api/v1/orders?limit=5"),
      ({ status, headers }) => status === 200 && !headers.has("x-tandem-degraded"),
    );
    await Promise.all(services.map((name) => tandem.kill(name)));
    const stale = await get("/api/v1/orders?limit=5");
    const queued = await order(`gone-${round}`);
    if (queued.status !== 202) continue;
    assert.equal(stale.status, 200, JSON.stringify(stale.body));
    assert.equal(stale.headers.get("x-tandem-degraded"), "stale");
    assert.match(stale.headers.get("age") ?? "", /^\d+$/);
    assert.deepEqual(stale.body["degraded"], ["stale"]);
    return queued;
  }
  return assert.fail("both replicas were never gone for long enough");
}

test("both replicas killed: stale reads say so, an order is queued and made once", async () => {
  const queued = await queueOne();
  assert.equal(queued.body["state"], "queued");
  assert.match(String(queued.body["message"]), /stored safely/);
  const { id } = queued.body;
  // What took the order in dies as well: its journal has it.
  await Promise.all(gateways.map((name) => tandem.kill(name)));
  const wallet = await get("/api/v1/wallet");
  assert.equal(wallet.status, 200);
  assert.equal(wallet.headers.get("x-tandem-degraded"), null);
  await untilState(id, "awaiting_payment");
  const { body } = await get("/api/v1/orders?limit=100");
  const same = (body["data"] as Json[]).filter((one) => one["id"] === id);
  assert.equal(same.length, 1);
  await insist(
    () => confirm(id),
    ({ status }) => status === 200,
  );
  await untilState(id, "fulfilled");
  assert.equal(await purchased(), "156.00");
  await ledgerIsWhole();
});

test("both replicas frozen: reads are stale after a second, orders are queued and made once", async () => {
  await insist(
    () => get("/api/v1/orders?limit=7"),
    ({ status, headers }) => status === 200 && !headers.has("x-tandem-degraded"),
  );
  await Promise.all(services.map((name) => tandem.kill(name, "SIGSTOP")));
  const stale = await get("/api/v1/orders?limit=7");
  const queued: Answer[] = [];
  for (let count = 0; count < 6; count += 1) queued.push(await order(`frozen-${count}`));
  // The supervisor may have found them silent, and replaced them.
  await Promise.all(services.map((name) => tandem.kill(name, "SIGCONT").catch(() => undefined)));
  assert.equal(stale.status, 200, JSON.stringify(stale.body));
  assert.equal(stale.headers.get("x-tandem-degraded"), "stale");
  const waited = queued.filter(({ status }) => status === 202);
  assert.ok(waited.length >= 2, JSON.stringify(queued.map(({ status }) => status)));
  // A replica of the gateway waits for the first one only.
  assert.ok(waited.some(({ tookMs }) => tookMs < 500));
  for (const { body } of queued) await untilState(body["id"], "awaiting_payment");
  const all = await get("/api/v1/orders?limit=100&state=awaiting_payment");
  const ids = (all.body["data"] as Json[]).map(({ id }) => id);
  assert.equal(new Set(ids).size, ids.length);
  assert.equal(ids.length, queued.length);
});

/**
 * A replica that dies at any statement of an order's life, from its creation to its refund: another
 * one, told the same again, completes it, with one order, one credit and one refund.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { type Database, openDatabase, sql } from "@tandem/libs/store";
import { createLog } from "@tandem/libs/telemetry";
import { realWorld } from "@tandem/libs/world";
import {
  asFinance,
  asPerson,
  confirm,
  type OrdersClient,
  type OrdersHouse,
  openOrdersHouse,
  place,
  placeOf,
  shop,
  until,
} from "./orders-house.suite.ts";
import { type StrikingDoor, startStrikingDoor } from "./testing/striking-door.ts";

let door: StrikingDoor;
let house: OrdersHouse;
let database: Database<unknown>;

before(async () => {
  house = await openOrdersHouse({ upkeepPeriodMs: "10m" }, async (url) => {
    door = await startStrikingDoor(url);
    return door.url;
  });
  const log = createLog({ level: "error", fields: {}, write: () => {} });
  database = openDatabase(house.databaseUrl, { world: realWorld(), log, poolSize: 1 });
});

after(async () => {
  door.open();
  await database.destroy();
  await house.close();
  await door.close();
});

type Market = Awaited<ReturnType<typeof shop>>;

/** An order's whole life, told to one replica under the same keys every time. */
async function live(client: OrdersClient, market: Market): Promise<string> {
  const { organisationId } = market;
  const caller = asPerson(organisationId);
  const order = await place(client, market, { idempotencyKey: "the order" });
  const found = await client.getOrder(placeOf(order), caller);
  if (found.paidAtMs === 0n) await confirm(client, order);
  await until(
    async () => {
      // What a dead replica had claimed is free once its time is over; here it is over at once.
      if (client === house.second) await freeClaims();
      return (await client.getOrder(placeOf(order), caller)).state;
    },
    (state) => ["fulfilled", "refunded"].includes(state),
  );
  const request = { orderId: order.id, idempotencyKey: "the refund" };
  await client.refundOrder(request, asFinance());
  await until(
    async () => {
      if (client === house.second) await freeClaims();
      return (await client.getOrder(placeOf(order), caller)).state;
    },
    (state) => state === "refunded",
  );
  return order.id;
}

async function freeClaims(): Promise<void> {
  await sql`update outbox set next_attempt_at = now() where next_attempt_at > now()`.execute(
    database,
  );
}

/** Whether the replica got to the end before it was struck. */
async function crash(strikeAt: number): Promise<boolean> {
  const market = await shop({ ...house, first: house.second });
  door.arm(strikeAt, strikeAt % 2 === 0);
  const dies = until(
    async () => door.hasStruck,
    (hasStruck) => hasStruck,
  ).then(() => false);
  dies.catch(() => undefined);
  const isDone = await Promise.race([
    dies,
    live(house.first, market).then(
      () => true,
      () => false,
    ),
  ]);
  const orderId = await live(house.second, market);
  const { rows } = await sql<{ orders: bigint; credits: bigint; refunds: bigint; left: bigint }>`
    select
      (select count(*) from orders where organisation_id = ${market.organisationId}) as orders,
      (select count(*) from credits where order_id = ${orderId}) as credits,
      (select count(*) from refunds where order_id = ${orderId}) as refunds,
      (select count(*) from outbox where parked_at is not null) as left`.execute(database);
  assert.deepEqual(rows[0], { orders: 1n, credits: 1n, refunds: 1n, left: 0n });
  assert.equal(house.quota.credited.get(orderId)?.nanos, 12_000_000_000n);
  assert.equal(house.quota.left(orderId), 0n);
  door.open();
  return isDone;
}

test("killed at any statement: one order, one credit, one refund", {
  timeout: 300_000,
}, async () => {
  let strikeAt = 1;
  // The relay's own statements come in between, so the end is seen twice before it is believed.
  for (let done = 0; done < 2; strikeAt += 1) done = (await crash(strikeAt)) ? done + 1 : 0;
  assert.ok(strikeAt > 40, `only ${strikeAt} statements were struck`);
});

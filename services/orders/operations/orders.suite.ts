import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { refusalOf } from "@tandem/libs/testing";
import { newId, realWorld } from "@tandem/libs/world";
import {
  asFinance,
  asPerson,
  type OrdersHouse,
  place,
  placeOf,
  shop,
  untilState,
} from "../orders-house.suite.ts";

export function orderSuite(house: () => OrdersHouse): void {
  describe("orders", () => {
    test("price, tax, credit and rate are frozen; a later version does not reach them", async () => {
      const { first, second } = house();
      const market = await shop(house());
      const order = await place(first, market, { quantity: 2 });
      assert.equal(order.state, "awaiting_payment");
      assert.deepEqual(
        [order.netNanos, order.taxNanos, order.totalNanos, order.creditNanos],
        [20_000_000_000n, 3_800_000_000n, 23_800_000_000n, 24_000_000_000n],
      );
      assert.equal(order.exchangeRate, "1.2");
      assert.match(order.reference, /^TDM-[0-9A-Z]{5}-[0-9A-Z]{5}$/);
      assert.match(order.payment?.checkoutText ?? "", new RegExp(order.reference));
      const caller = asPerson(market.organisationId);
      const { organisationId, packId: id } = market;
      const pack = await first.getProduct({ organisationId, id, kind: "pack" }, caller);
      await first.updateProduct({ product: { ...pack, priceNanos: 99n } }, asFinance());
      const again = await second.getOrder(placeOf(order), caller);
      assert.deepEqual([again.totalNanos, again.productVersion], [order.totalNanos, 1n]);
      const listed = await second.listOrders({ organisationId }, caller);
      assert.deepEqual(
        listed.orders.map((one) => one.id),
        [order.id],
      );
    });

    test("made once for an idempotency key, whatever ids were told for it", async () => {
      const { first, second } = house();
      const market = await shop(house());
      const world = realWorld();
      const ids = Array.from({ length: 8 }, () => newId(world, "ord"));
      const made = await Promise.all(
        ids.map((id, index) =>
          place(index % 2 ? first : second, market, { id, idempotencyKey: "same" }),
        ),
      );
      assert.equal(new Set(made.map(({ id }) => id)).size, 1);
      const { organisationId } = market;
      for (const id of ids) {
        const found = await first.getOrder({ organisationId, id }, asPerson(organisationId));
        assert.equal(found.id, made[0]?.id);
      }
      const other = place(first, market, { idempotencyKey: "same", quantity: 3 });
      assert.equal(await refusalOf(other), "orders.idempotency_conflict");
    });

    test("what was expected is what is ordered, or nothing is", async () => {
      const { first } = house();
      const market = await shop(house());
      const dearer = place(first, market, { expectedTotalNanos: 1n });
      assert.equal(await refusalOf(dearer), "orders.offer_changed");
      const newer = place(first, market, { productVersion: 2n });
      assert.equal(await refusalOf(newer), "orders.offer_changed");
      await place(first, market, { productVersion: 1n, expectedTotalNanos: 11_900_000_000n });
      for (const quantity of [0, 1_001]) {
        assert.equal(await refusalOf(place(first, market, { quantity })), "orders.malformed");
      }
      const unknown = { ...market, packId: newId(realWorld(), "pck") };
      assert.equal(await refusalOf(place(first, unknown)), "orders.product_not_found");
    });

    test("another organisation's do not exist; who may only look orders nothing", async () => {
      const { first } = house();
      const [own, other] = [await shop(house()), await shop(house())];
      const order = await place(first, own);
      const stranger = asPerson(other.organisationId);
      const { organisationId } = other;
      for (const call of [
        () => first.getOrder(placeOf(order), stranger),
        () => first.getOrder({ organisationId, id: order.id }, stranger),
        () => first.cancelOrder({ organisationId, id: order.id }, stranger),
        () => first.listRefunds({ organisationId, orderId: order.id }, stranger),
      ]) {
        assert.equal(await refusalOf(call()), "orders.order_not_found");
      }
      const foreign = { ...other, packId: own.packId };
      assert.equal(await refusalOf(place(first, foreign)), "orders.product_not_found");
      const viewer = asPerson(own.organisationId, { roles: ["viewer"] });
      const request = { organisationId: own.organisationId, productId: own.packId, quantity: 1 };
      const call = first.createOrder({ ...request, idempotencyKey: "v" }, viewer);
      assert.equal(await refusalOf(call), "orders.permission_missing");
    });

    test("an unpaid one ends by itself or by its buyer, once", async () => {
      const { first, second, skipMs } = house();
      const market = await shop(house());
      const cancelled = await place(first, market);
      const caller = asPerson(market.organisationId);
      for (const client of [first, second]) {
        assert.equal((await client.cancelOrder(placeOf(cancelled), caller)).state, "cancelled");
      }
      const order = await place(first, market);
      skipMs(24 * 3_600_000 + 1_000);
      const expired = await untilState(house(), order, "expired");
      assert.equal(expired.payment?.state, "expired");
      assert.equal(
        await refusalOf(first.cancelOrder(placeOf(order), caller)),
        "orders.wrong_state",
      );
    });

    test("credit in another currency than the wallet's is not sold", async () => {
      const { first, quota } = house();
      const market = await shop(house(), { creditCurrency: "EUR" });
      quota.balanceNanos = 5n;
      assert.equal(await refusalOf(place(first, market)), "orders.currency_mismatch");
      quota.balanceNanos = 0n;
    });
  });

  describe("orders that were queued while nobody was here", () => {
    test("are made at the price of that moment, even of what is not offered any more", async () => {
      const { first, nowMs, skipMs } = house();
      const market = await shop(house());
      const caller = asPerson(market.organisationId);
      const queuedAtMs = BigInt(nowMs());
      skipMs(1_000);
      const { organisationId, packId } = market;
      const pack = await first.getProduct({ organisationId, id: packId, kind: "pack" }, caller);
      await first.updateProduct(
        { product: { ...pack, priceNanos: 99_000_000_000n, archivedAtMs: 1n } },
        asFinance(),
      );
      const id = newId(realWorld(), "ord");
      const order = await place(first, market, { id, queuedAtMs });
      assert.deepEqual(
        [order.id, order.state, order.totalNanos, order.queuedAtMs],
        [id, "awaiting_payment", 11_900_000_000n, queuedAtMs],
      );
      const late = place(first, market);
      assert.equal(await refusalOf(late), "orders.product_not_found");
    });

    test("that cannot be made are refused under the id that was told, with the reason", async () => {
      const { first, second, nowMs } = house();
      const market = await shop(house());
      const unknown = { ...market, packId: newId(realWorld(), "pck") };
      const id = newId(realWorld(), "ord");
      const queued = { id, idempotencyKey: "gone", queuedAtMs: BigInt(nowMs()) };
      for (const client of [first, second]) {
        const refused = await place(client, unknown, queued);
        assert.deepEqual(
          [refused.state, refused.refusalReason],
          ["refused", "orders.product_not_found"],
        );
      }
      const { organisationId } = market;
      const found = await second.getOrder({ organisationId, id }, asPerson(organisationId));
      assert.equal(found.state, "refused");
      assert.ok(found.refusal.length > 0);
    });
  });
}

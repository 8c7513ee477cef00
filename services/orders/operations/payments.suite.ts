import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { refusalOf } from "@tandem/libs/testing";
import {
  asFinance,
  asPerson,
  confirm,
  type OrdersHouse,
  place,
  placeOf,
  shop,
  until,
  untilState,
} from "../orders-house.suite.ts";

export function paymentSuite(house: () => OrdersHouse): void {
  describe("manual payments", () => {
    test("finance confirms exactly what was ordered, and the wallet has the credit once", async () => {
      const { first, second, quota } = house();
      const market = await shop(house(), { validDays: 30 });
      const order = await place(first, market);
      const wrong = { orderId: order.id, currency: "USD" };
      for (const amountNanos of [0n, order.totalNanos - 1n, order.totalNanos + 1n]) {
        const call = first.confirmPayment({ ...wrong, amountNanos }, asFinance());
        assert.equal(await refusalOf(call), "orders.amount_mismatch");
      }
      const confirmed = await Promise.all(
        Array.from({ length: 6 }, (_, index) => confirm(index % 2 ? first : second, order)),
      );
      assert.ok(confirmed.every(({ state }) => state === "paid" || state === "fulfilled"));
      const fulfilled = await untilState(house(), order, "fulfilled");
      const credited = quota.credited.get(order.id);
      assert.equal(credited?.nanos, 12_000_000_000n);
      assert.equal(credited?.expiresAtMs, fulfilled.creditExpiresAtMs);
      assert.equal(fulfilled.creditExpiresAtMs - fulfilled.paidAtMs, 30n * 86_400_000n);
      assert.equal(quota.asked.filter((ask) => ask === `credit ${order.id}`).length, 1);
    });

    test("above the limit a second person has to agree, not the same one with another key", async () => {
      const { first, second } = house();
      const market = await shop(house());
      const order = await place(first, market, { quantity: 10 });
      assert.equal((await confirm(first, order, { userId: "usr_a" })).state, "awaiting_payment");
      const approve = (client: typeof first, given: object) =>
        client.approvePayment(placeOf(order), asFinance(given));
      const key = { userId: "usr_a", keyId: "key_2", scopes: ["platform"] };
      for (const given of [{ userId: "usr_a" }, key]) {
        assert.equal(await refusalOf(approve(first, given)), "orders.second_person_needed");
      }
      // The organisation's own finance is not whom it pays.
      for (const roles of [["owner"], ["finance"], ["platform:operator"]]) {
        const call = first.approvePayment(
          placeOf(order),
          asPerson(market.organisationId, { userId: "usr_b", roles }),
        );
        assert.equal(await refusalOf(call), "orders.permission_missing");
      }
      await approve(second, { userId: "usr_b" });
      const paid = await untilState(house(), order, "fulfilled");
      assert.equal(paid.payment?.confirmedBy.split("/")[0], "usr_a");
      assert.equal(paid.payment?.approvedBy.split("/")[0], "usr_b");
    });

    test("finance sees what waits, of everybody, and finds it by what the payer wrote", async () => {
      const { first, second } = house();
      const market = await shop(house());
      const order = await place(first, market);
      const { orders } = await second.listWaitingOrders({ limit: 100 }, asFinance());
      assert.ok(orders.some(({ id }) => id === order.id));
      const reference = ` ${order.reference.toLowerCase()} `;
      const found = await second.inspectOrder({ reference }, asFinance());
      assert.equal(found.order?.id, order.id);
      for (const roles of [["owner"], ["finance"], ["platform:operator"]]) {
        const caller = asPerson(market.organisationId, { roles });
        for (const call of [
          first.inspectOrder({ id: order.id }, caller),
          first.listWaitingOrders({}, caller),
          first.listDiscrepancies({}, caller),
        ]) {
          assert.equal(await refusalOf(call), "orders.permission_missing");
        }
        const { id: orderId, totalNanos: amountNanos, currency } = order;
        const own = first.confirmPayment({ orderId, amountNanos, currency }, caller);
        assert.equal(await refusalOf(own), "orders.permission_missing");
      }
    });

    test("one that waits for the second person does not expire; an ended order is not paid", async () => {
      const { first, skipMs } = house();
      const market = await shop(house());
      const waiting = await place(first, market, { quantity: 10 });
      await confirm(first, waiting);
      const cancelled = await place(first, market);
      const caller = asPerson(market.organisationId);
      await first.cancelOrder(placeOf(cancelled), caller);
      assert.equal(await refusalOf(confirm(first, cancelled)), "orders.wrong_state");
      const unpaid = await place(first, market);
      skipMs(25 * 3_600_000);
      await untilState(house(), unpaid, "expired");
      const still = await first.getOrder(placeOf(waiting), caller);
      assert.equal(still.state, "awaiting_payment");
      // Money that comes late has come: it is credited.
      await confirm(first, unpaid);
      await untilState(house(), unpaid, "fulfilled");
    });

    test("with quota away an order is paid, and credited when it is back", async () => {
      const { first, second, quota } = house();
      const market = await shop(house());
      const order = await place(first, market);
      quota.isAway = true;
      assert.equal((await confirm(first, order)).state, "paid");
      await until(
        async () => quota.asked.filter((ask) => ask === `credit ${order.id}`).length,
        (count) => count >= 1,
      );
      const waiting = await second.getOrder(placeOf(order), asPerson(market.organisationId));
      assert.equal(waiting.state, "paid");
      quota.isAway = false;
      await untilState(house(), order, "fulfilled");
    });

    test("credit that no wallet takes shows as a discrepancy, and its money can go back", async () => {
      const { first, quota } = house();
      const market = await shop(house());
      const order = await place(first, market);
      quota.currency = "EUR";
      await confirm(first, order);
      const { organisationId } = market;
      const { discrepancies } = await until(
        () => first.listDiscrepancies({}, asFinance()),
        (found) => found.discrepancies.length > 0,
      );
      quota.currency = "USD";
      assert.deepEqual(
        discrepancies.map((one) => [one.kind, one.orderId, one.organisationId]),
        [["credit_refused", order.id, organisationId]],
      );
      await first.refundOrder({ orderId: order.id, idempotencyKey: "back" }, asFinance());
      await untilState(house(), order, "refunded");
      assert.equal(quota.left(order.id), 0n);
    });
  });
}

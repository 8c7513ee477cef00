import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Order, Refund } from "@tandem/contracts/rpc/orders/v1/orders_pb";
import { refusalOf } from "@tandem/libs/testing";
import {
  asFinance,
  asPerson,
  confirm,
  type OrdersClient,
  type OrdersHouse,
  place,
  shop,
  until,
  untilState,
} from "../orders-house.suite.ts";

let serial = 0;

function refund(
  client: OrdersClient,
  order: Order,
  given: { readonly amountNanos?: bigint; readonly idempotencyKey?: string } = {},
): Promise<Refund> {
  serial += 1;
  const request = { orderId: order.id, idempotencyKey: `refund-${serial}`, ...given };
  return client.refundOrder(request, asFinance());
}

function untilRefund(client: OrdersClient, { id, orderId, organisationId }: Refund, state: string) {
  return until(
    async () => {
      const place = { organisationId, orderId };
      const { refunds } = await client.listRefunds(place, asPerson(organisationId));
      return refunds.find((one) => one.id === id)?.state;
    },
    (found) => found === state,
  );
}

export function refundSuite(house: () => OrdersHouse): void {
  const fulfilled = async (): Promise<Order> => {
    const market = await shop(house());
    const order = await place(house().first, market);
    await confirm(house().first, order);
    return untilState(house(), order, "fulfilled");
  };

  describe("refunds", () => {
    test("in parts and then whole: money and credit come back exactly, to the nano", async () => {
      const { first, second, quota } = house();
      const order = await fulfilled();
      const third = order.totalNanos / 3n;
      const part = await refund(first, order, { amountNanos: third });
      await untilRefund(second, part, "completed");
      const partly = await untilState(house(), order, "partially_refunded");
      assert.equal(partly.refundedNanos, third);
      assert.equal(partly.creditTakenBackNanos, (order.creditNanos * third) / order.totalNanos);
      assert.equal(quota.left(order.id), order.creditNanos - partly.creditTakenBackNanos);
      const tooMuch = refund(first, order, { amountNanos: order.totalNanos });
      assert.equal(await refusalOf(tooMuch), "orders.refund_too_much");
      await refund(second, order);
      const whole = await untilState(house(), order, "refunded");
      assert.equal(whole.refundedNanos, order.totalNanos);
      assert.equal(whole.creditTakenBackNanos, order.creditNanos);
      assert.equal(quota.left(order.id), 0n);
      assert.equal(await refusalOf(refund(first, order)), "orders.wrong_state");
    });

    test("once for an idempotency key, even by many at once", async () => {
      const { first, second, quota } = house();
      const order = await fulfilled();
      const given = { amountNanos: order.totalNanos / 2n, idempotencyKey: `same ${order.id}` };
      const made = await Promise.all(
        Array.from({ length: 6 }, (_, index) => refund(index % 2 ? first : second, order, given)),
      );
      assert.equal(new Set(made.map(({ id }) => id)).size, 1);
      await untilState(house(), order, "partially_refunded");
      assert.equal(quota.left(order.id), order.creditNanos / 2n);
      const other = refund(first, order, { ...given, amountNanos: 1n });
      assert.equal(await refusalOf(other), "orders.idempotency_conflict");
    });

    test("two at once never give more than was paid", async () => {
      const { first, second } = house();
      const order = await fulfilled();
      const amountNanos = (order.totalNanos * 2n) / 3n;
      const both = [first, second].map((client) =>
        refusalOf(refund(client, order, { amountNanos })),
      );
      assert.deepEqual(
        new Set(await Promise.all(both)),
        new Set(["none", "orders.refund_too_much"]),
      );
    });

    test("credit that was spent is not refunded, and says how much is left", async () => {
      const { first, quota } = house();
      const order = await fulfilled();
      quota.spend(order.id, 11_000_000_000n);
      const made = await refund(first, order);
      await untilRefund(first, made, "refused");
      assert.equal(quota.left(order.id), 1_000_000_000n);
      // The refused one stands in nobody's way.
      await refund(first, order, { amountNanos: 900_000_000n });
      await untilState(house(), order, "partially_refunded");
    });

    test("with every answer of the wallet lost, still once", async () => {
      const { first, quota } = house();
      const order = await fulfilled();
      quota.losesAnswers = true;
      const made = await refund(first, order);
      await until(
        async () => quota.asked.filter((ask) => ask === `take ${made.id}`).length,
        (count) => count >= 1,
      );
      quota.losesAnswers = false;
      await untilState(house(), order, "refunded");
      assert.equal(quota.left(order.id), 0n);
    });

    test("is for finance; an order that was never paid has none", async () => {
      const { first } = house();
      const order = await fulfilled();
      const { organisationId, id: orderId } = order;
      for (const given of [{ roles: ["owner"] }, { keyId: "key_1", scopes: ["admin"] }]) {
        const request = { orderId, idempotencyKey: "no" };
        const call = first.refundOrder(request, asPerson(organisationId, given));
        assert.equal(await refusalOf(call), "orders.permission_missing");
      }
      const unpaid = await place(first, await shop(house()));
      assert.equal(await refusalOf(refund(first, unpaid)), "orders.wrong_state");
    });
  });
}

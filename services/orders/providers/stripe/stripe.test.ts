/** The rules for payment events, against a provider that is there, gone, lying, or not itself. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { Order } from "@tandem/contracts/rpc/orders/v1/orders_pb";
import { refusalOf } from "@tandem/libs/testing";
import {
  asFinance,
  asPerson,
  type OrdersClient,
  type OrdersHouse,
  openOrdersHouse,
  place,
  placeOf,
  shop,
  until,
  untilState,
} from "../../orders-house.suite.ts";
import { FakeStripe, type SignedEvent } from "../../testing/fake-stripe.ts";

const stripe = new FakeStripe();
let house: OrdersHouse;

before(async () => {
  const baseUrl = await stripe.start();
  const { secretKey, webhookSecret } = stripe;
  house = await openOrdersHouse({
    reconcilePeriodMs: "1s",
    payments: {
      provider: "stripe",
      stripe: { baseUrl, secretKey, webhookSecret, returnUrl: "https://example.com/orders" },
    },
  });
});

after(async () => {
  await house.close();
  await stripe.stop();
});

async function send(event: SignedEvent, client: OrdersClient = house.first): Promise<string> {
  const request = { provider: "stripe", body: event.body, headers: { ...event.headers } };
  return (await client.receivePaymentEvent(request)).outcome;
}

const sessionOf = (order: Order) => stripe.of(order.payment?.id ?? "");

async function ordered(): Promise<Order> {
  return place(house.first, await shop(house));
}

async function paidOrder(): Promise<Order> {
  const order = await ordered();
  stripe.pay(sessionOf(order));
  await send(stripe.event(sessionOf(order)));
  return untilState(house, order, "fulfilled");
}

const stateOf = async (order: Order): Promise<string> =>
  (await house.second.getOrder(placeOf(order), asPerson(order.organisationId))).state;

describe("what counts", () => {
  test("a signed event and the provider's own word credit the order once", async () => {
    const order = await ordered();
    assert.match(order.payment?.checkoutUrl ?? "", /^https:\/\/pay\.example\.com\/cs_/);
    const session = sessionOf(order);
    assert.equal(session.amount, 1190);
    stripe.pay(session);
    const event = stripe.event(session);
    const outcomes = await Promise.all(
      Array.from({ length: 6 }, (_, index) => send(event, index % 2 ? house.first : house.second)),
    );
    assert.equal(outcomes.filter((outcome) => outcome === "applied").length, 1);
    assert.equal(await send(event), "repeated");
    await untilState(house, order, "fulfilled");
    assert.equal(house.quota.left(order.id), order.creditNanos);
    assert.equal(await send(stripe.event(session)), "unchanged");
  });

  test("an event that says paid of a payment that is not credits nothing", async () => {
    const order = await ordered();
    assert.equal(await send(stripe.event(sessionOf(order))), "unchanged");
    assert.equal(await stateOf(order), "awaiting_payment");
  });

  test("an event that never came: the provider is asked in the end", async () => {
    const order = await ordered();
    stripe.pay(sessionOf(order));
    house.skipMs(61_000);
    await untilState(house, order, "fulfilled");
  });
});

describe("what does not count", () => {
  test("forged, unsigned, altered, late and malformed events change nothing and are told", async () => {
    const order = await ordered();
    const session = sessionOf(order);
    stripe.pay(session);
    const good = stripe.event(session);
    const nowMs = house.nowMs();
    const refused: readonly SignedEvent[] = [
      stripe.event(session, { secret: "whsec_of_somebody_else" }),
      { body: good.body, headers: {} },
      { body: good.body, headers: { "stripe-signature": "t=1,v1=" } },
      { ...good, body: Buffer.from(good.body.toString().replace("evt_", "evt_x")) },
      stripe.event(session, { atMs: nowMs - 400_000 }),
      stripe.event(session, { atMs: nowMs + 400_000 }),
      stripe.event(session, { object: { no: "id" } }),
      { ...good, body: Buffer.concat([good.body, Buffer.from(" ")]) },
    ];
    for (const event of refused) assert.equal(await refusalOf(send(event)), "orders.event_refused");
    assert.equal(await stateOf(order), "awaiting_payment");
    const lines = house.logLines.filter((line) => line["event"] === "payment_event_refused");
    assert.ok(lines.length >= refused.length);
    assert.ok(!JSON.stringify(lines).includes(session.id), "no payload in the log");
  });

  test("another shop's payment, another order's, and one for less money", async () => {
    const foreign = stripe.add({ paymentId: "pay_of_another_shop", paid: true });
    assert.equal(await send(stripe.event(foreign, { atMs: house.nowMs() })), "unknown");
    const order = await ordered();
    const session = sessionOf(order);
    const cheap = stripe.add({ paymentId: session.paymentId, amount: 1, paid: true });
    // It names our payment, but the session that we opened decides, and that is unpaid.
    assert.equal(await send(stripe.event(cheap, { atMs: house.nowMs() })), "unchanged");
    const lying = await ordered();
    Object.assign(sessionOf(lying), { amount: 1, paid: true });
    const event = stripe.event(sessionOf(lying), { atMs: house.nowMs() });
    assert.equal(await refusalOf(send(event)), "orders.event_refused");
    const wrongCurrency = await ordered();
    Object.assign(sessionOf(wrongCurrency), { currency: "idr", paid: true });
    const other = stripe.event(sessionOf(wrongCurrency), { atMs: house.nowMs() });
    assert.equal(await refusalOf(send(other)), "orders.event_refused");
    for (const one of [order, lying, wrongCurrency]) {
      assert.equal(await stateOf(one), "awaiting_payment");
    }
  });

  test("a provider that is not configured has no address, and one without secrets no start", async () => {
    const body = new Uint8Array(2);
    const call = house.first.receivePaymentEvent({ provider: "manual", body });
    assert.equal(await refusalOf(call), "orders.provider_unknown");
    const stranger = house.first.receivePaymentEvent(
      { provider: "stripe", body },
      asPerson("org_x"),
    );
    assert.equal(await refusalOf(stranger), "orders.permission_missing");
    for (const given of [{}, { secretKey: "sk", webhookSecret: " ", returnUrl: "https://x.y" }]) {
      const settings = { payments: { provider: "stripe", stripe: given } };
      assert.equal(await refusalOf(house.restart(settings)), "orders.provider_unconfigured");
    }
    await house.restart();
  });
});

describe("whatever the order of events", () => {
  test("a refund and a dispute seen before the payment: first it is paid, then the rest", async () => {
    const order = await ordered();
    const session = sessionOf(order);
    stripe.pay(session);
    session.refunded = 590;
    const object = { id: "ch_1", object: "charge", payment_intent: `pi_${session.id}` };
    const event = stripe.event(session, { object, type: "charge.refunded", atMs: house.nowMs() });
    assert.equal(await send(event), "applied");
    const partly = await untilState(house, order, "partially_refunded");
    assert.equal(partly.refundedNanos, 5_900_000_000n);
    session.dispute = "needs_response";
    await send(stripe.event(session, { atMs: house.nowMs() }));
    assert.equal(await stateOf(order), "disputed");
    session.dispute = "won";
    await send(stripe.event(session, { atMs: house.nowMs() }));
    assert.equal(await stateOf(order), "partially_refunded");
  });

  test("a lost dispute takes what is left of the credit, and no more", async () => {
    const order = await paidOrder();
    house.quota.spend(order.id, 11_000_000_000n);
    sessionOf(order).dispute = "lost";
    await send(stripe.event(sessionOf(order), { atMs: house.nowMs() }));
    const lost = await until(
      () => house.first.getOrder(placeOf(order), asPerson(order.organisationId)),
      (found) => found.refundedNanos === order.totalNanos,
    );
    assert.deepEqual([lost.state, lost.dispute], ["lost", "lost"]);
    assert.equal(lost.creditTakenBackNanos, 1_000_000_000n);
    assert.equal(house.quota.left(order.id), 0n);
  });

  test("money for an order that was cancelled is for people: no credit, and it shows", async () => {
    const order = await ordered();
    const caller = asPerson(order.organisationId);
    await house.first.cancelOrder(placeOf(order), caller);
    stripe.pay(sessionOf(order));
    await send(stripe.event(sessionOf(order), { atMs: house.nowMs() }));
    assert.equal(await stateOf(order), "cancelled");
    const { discrepancies } = await house.first.listDiscrepancies({}, asFinance());
    assert.deepEqual(
      discrepancies.filter(({ orderId }) => orderId === order.id).map(({ kind }) => kind),
      ["paid_after_end"],
    );
    assert.equal(house.quota.left(order.id), 0n);
  });
});

describe("a provider that is not well", () => {
  test("away, or half an answer: nothing happens, and it happens later", async () => {
    const order = await ordered();
    stripe.pay(sessionOf(order));
    const event = stripe.event(sessionOf(order), { atMs: house.nowMs() });
    for (const trouble of ["error", "half"] as const) {
      stripe.trouble = trouble;
      assert.equal(await refusalOf(send(event)), "orders.provider_away");
      assert.equal(await stateOf(order), "awaiting_payment");
    }
    const unprepared = await ordered();
    assert.equal(unprepared.payment?.state, "preparing");
    stripe.trouble = "none";
    assert.equal(await send(event), "applied");
    house.skipMs(6_000);
    const prepared = await until(
      () => house.first.getOrder(placeOf(unprepared), asPerson(unprepared.organisationId)),
      (found) => found.payment?.state === "pending",
    );
    assert.match(prepared.payment?.checkoutUrl ?? "", /^https:/);
  });

  test("a refund that it refuses puts the credit back; the next one can be made", async () => {
    const order = await paidOrder();
    const { organisationId, id: orderId } = order;
    const caller = asPerson(organisationId);
    const refund = (idempotencyKey: string) =>
      house.first.refundOrder({ orderId, idempotencyKey }, asFinance());
    stripe.trouble = "refuse_refunds";
    const made = await refund("first");
    await until(
      () => house.first.listRefunds({ organisationId, orderId }, caller),
      ({ refunds }) => refunds[0]?.state === "failed",
    );
    stripe.trouble = "none";
    await until(
      async () => house.quota.credited.get(made.id)?.nanos,
      (nanos) => nanos === order.creditNanos,
    );
    assert.equal(await stateOf(order), "fulfilled");
    assert.equal(sessionOf(order).refunded, 0);
  });

  test("payments that it has and we do not are found by comparing", async () => {
    stripe.add({ paymentId: "pay_nobody", paid: true });
    await until(
      async () => house.logLines.some((line) => line["event"] === "payment_without_order"),
      (isTold) => isTold,
    );
  });
});

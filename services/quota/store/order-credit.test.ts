import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Fault } from "@tandem/libs/kernel";
import { migrate } from "@tandem/libs/store";
import { startTestPostgres, type TestPostgres } from "@tandem/libs/testing";
import { newId } from "@tandem/libs/world";
import fc from "fast-check";
import {
  openTestBooks,
  organisationWith,
  type TestBooks,
  TestHolder,
  world,
} from "../testing/scenario.ts";
import { releaseLeases } from "./leases.ts";
import { migrations } from "./migrations.ts";
import { creditOrder, type OrderCredit, type TakeBack, takeBackCredit } from "./order-credit.ts";
import { settle } from "./settle.ts";
import { readBalance } from "./statements.ts";
import { verifyLedger } from "./verify.ts";

let postgres: TestPostgres;
let books: TestBooks;

before(async () => {
  postgres = await startTestPostgres();
  books = openTestBooks(await postgres.createDatabase());
  await migrate(books.database, migrations);
});

after(async () => {
  assert.deepEqual((await verifyLedger(books)).problems, []);
  await books.database.destroy();
  await postgres.stop();
});

function credit(rest: Partial<OrderCredit> = {}): OrderCredit {
  return {
    eventId: newId(world, "evt"),
    orderId: newId(world, "ord"),
    organisationId: newId(world, "org"),
    nanos: 1_000n,
    currency: "USD",
    expiresAtMs: undefined,
    note: "test",
    ...rest,
  };
}

function refundOf(order: OrderCredit, rest: Partial<TakeBack> = {}): TakeBack {
  const { orderId, organisationId } = order;
  const refundId = newId(world, "rfd");
  return { refundId, orderId, organisationId, nanos: 400n, atMost: false, note: "", ...rest };
}

const owned = async ({ organisationId }: OrderCredit): Promise<bigint> =>
  (await readBalance(books, organisationId)).purchasedNanos;

async function reasonOf(call: Promise<unknown>): Promise<string> {
  return call.then(
    () => "none",
    (error: unknown) => (Fault.is(error) ? error.reason : String(error)),
  );
}

test("an order's credit is there once, by however many events and how often they come", async () => {
  const order = credit();
  const events = [order, { ...order, eventId: newId(world, "evt") }, order, order];
  await Promise.all(events.map((event) => creditOrder(books, event)));
  assert.equal(await owned(order), 1_000n);
  const other = creditOrder(books, { ...order, eventId: "another", nanos: 5n });
  assert.equal(await reasonOf(other), "quota.idempotency_conflict");
  assert.equal(await owned(order), 1_000n);
});

test("a refund takes its order's credit back once, and what is not there not at all", async () => {
  const order = credit();
  await creditOrder(books, order);
  await organisationWith(books, 5_000n, { organisationId: order.organisationId });
  const refund = refundOf(order);
  const answers = await Promise.all(Array.from({ length: 6 }, () => takeBackCredit(books, refund)));
  for (const answer of answers) {
    assert.deepEqual(answer, { takenNanos: 400n, remainingNanos: 600n });
  }
  assert.equal(await owned(order), 5_600n);
  const tooMuch = refundOf(order, { nanos: 601n });
  assert.equal((await takeBackCredit(books, tooMuch)).takenNanos, 0n);
  // What was refused stays refused: orders may have told so already.
  assert.equal((await takeBackCredit(books, tooMuch)).takenNanos, 0n);
  const rest = refundOf(order, { nanos: 900n, atMost: true });
  assert.equal((await takeBackCredit(books, rest)).takenNanos, 600n);
  assert.equal(await owned(order), 5_000n);
  const changed = takeBackCredit(books, { ...refund, nanos: 1n });
  assert.equal(await reasonOf(changed), "quota.idempotency_conflict");
});

test("what was spent or ran out of time cannot be taken back; what is held can, later", async () => {
  const order = credit({ expiresAtMs: books.nowMs + 1_000 });
  await creditOrder(books, order);
  const holder = new TestHolder(order.organisationId);
  await holder.call(books, { neededNanos: 1_000n });
  const refund = refundOf(order, { nanos: 700n });
  assert.equal(await reasonOf(takeBackCredit(books, refund)), "quota.credit_held");
  const settlement = holder.settlement(300n);
  await settle(books, { holder: holder.name, settlements: [settlement] });
  await releaseLeases(books, { holder: holder.name, leaseIds: [holder.leaseId] });
  const more = refundOf(order, { nanos: 701n });
  assert.equal((await takeBackCredit(books, more)).takenNanos, 0n);
  assert.equal((await takeBackCredit(books, refund)).takenNanos, 700n);
  const late = credit({ expiresAtMs: books.nowMs + 1_000 });
  await creditOrder(books, late);
  books.nowMs += 2_000;
  assert.equal((await takeBackCredit(books, refundOf(late))).takenNanos, 0n);
});

test("credit that came back after a failed refund can be taken by the next one", async () => {
  const order = credit();
  await creditOrder(books, order);
  const failed = refundOf(order, { nanos: 700n });
  await takeBackCredit(books, failed);
  const back = { ...order, eventId: newId(world, "evt"), orderId: failed.refundId, nanos: 700n };
  await creditOrder(books, back);
  assert.equal(await owned(order), 1_000n);
  const again = refundOf(order, { nanos: 1_000n });
  assert.equal((await takeBackCredit(books, again)).takenNanos, 1_000n);
});

test("another organisation's order is no order of this one", async () => {
  const order = credit();
  await creditOrder(books, order);
  const thief = refundOf(order, { organisationId: newId(world, "org") });
  assert.equal((await takeBackCredit(books, thief)).takenNanos, 0n);
  assert.equal(await owned(order), 1_000n);
});

test("events and refunds in any order, repeated and at once: exact, and the ledger sums to 0", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.integer({ min: 1, max: 600 }), { maxLength: 4 }),
      fc.infiniteStream(fc.boolean()),
      async (amounts, isRepeated) => {
        const order = credit();
        const refunds = amounts.map((nanos) => refundOf(order, { nanos: BigInt(nanos) }));
        const steps = [
          () => creditOrder(books, order),
          ...refunds.map((refund) => () => takeBackCredit(books, refund)),
        ];
        const twice = steps.flatMap((step) => (isRepeated.next().value ? [step, step] : [step]));
        await Promise.all(twice.map((step) => step()));
        const taken = await Promise.all(refunds.map((refund) => takeBackCredit(books, refund)));
        const sum = taken.reduce((total, { takenNanos }) => total + takenNanos, 0n);
        assert.equal(await owned(order), 1_000n - sum);
      },
    ),
    { numRuns: 25 },
  );
  const { problems, sumNanos } = await verifyLedger(books);
  assert.deepEqual([problems, sumNanos], [[], 0n]);
});

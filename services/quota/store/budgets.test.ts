import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Subject } from "../core/subject.ts";
import { organisationWith, subject, type TestBooks, TestHolder } from "../testing/scenario.ts";
import { openTwinBooks, type TwinBooks } from "../testing/twin-books.ts";
import type { RunningBudget } from "./budget-rows.ts";
import { type BudgetChange, deleteBudget, listBudgets, setBudget } from "./budgets.ts";
import { settle } from "./settle.ts";

let house: TwinBooks;
let books: TestBooks;
/** Another replica on the same database. */
let twin: TestBooks;

before(async () => {
  house = await openTwinBooks();
  ({ books, twin } = house);
});
after(() => house.close());

function budget(
  organisationId: string,
  nanos: bigint,
  rest: Partial<BudgetChange> & { readonly for?: Partial<Subject> } = {},
): Promise<RunningBudget> {
  return setBudget(books, {
    id: "",
    subject: subject(organisationId, rest.for),
    nanos,
    period: "total",
    expectedVersion: 0n,
    currency: "USD",
    setBy: "organisation",
    isSoft: false,
    warnAt: [],
    ...rest,
  });
}

async function only(organisationId: string): Promise<RunningBudget> {
  const [first] = await listBudgets(books, organisationId);
  assert.ok(first);
  return first;
}

test("a budget of 0.45 cannot become 0.60, whatever the number of gateways", async () => {
  const organisationId = await organisationWith(books, 1_000_000_000_000n);
  await budget(organisationId, 450_000_000n, { for: { keyId: "key_1" } });
  const price = 15_000_000n;
  const holders = Array.from(
    { length: 40 },
    () => new TestHolder(organisationId, { subject: { keyId: "key_1" } }),
  );
  let charged = 0n;
  await Promise.all(
    holders.map(async (holder, index) => {
      const replica = index % 2 === 0 ? books : twin;
      const answer = await holder.call(replica, { neededNanos: price, leastNanos: price });
      if (answer.grantedNanos < price) {
        assert.equal(answer.limitSource, "key");
        return;
      }
      const settlements = [holder.settlement(price)];
      const { settled } = await settle(replica, { holder: holder.name, settlements });
      if (settled.length === 1) charged += price;
    }),
  );
  assert.equal(charged, 450_000_000n);
  assert.equal((await only(organisationId)).spentNanos, 450_000_000n);
});

test("a lease is held against every budget that applies, and the tightest decides", async () => {
  const organisationId = await organisationWith(books, 1_000_000n);
  await budget(organisationId, 500n);
  await budget(organisationId, 300n, { for: { projectId: "prj_1" }, period: "month" });
  await budget(organisationId, 900n, { for: { keyId: "key_1", model: "large" }, period: "day" });
  const holder = new TestHolder(organisationId, {
    subject: { projectId: "prj_1", keyId: "key_1", model: "large" },
  });
  const answer = await holder.call(books, { neededNanos: 400n });
  assert.equal(answer.grantedNanos, 300n);
  assert.equal(answer.limitSource, "project");
  assert.equal(answer.resetsAtMs, Date.UTC(2026, 11));
  assert.deepEqual(answer.scopedBy, ["project", "key", "model"]);
  const held = await listBudgets(books, organisationId);
  assert.deepEqual(
    held.map(({ heldNanos }) => heldNanos),
    [300n, 300n, 300n],
  );
  const elsewhere = new TestHolder(organisationId, { subject: { projectId: "prj_2" } });
  const other = await elsewhere.call(books, { neededNanos: 400n });
  assert.deepEqual([other.grantedNanos, other.limitSource], [200n, "organisation"]);
});

test("a charge counts in the budgets of its own caller only", async () => {
  const organisationId = await organisationWith(books, 1_000_000n);
  await budget(organisationId, 10_000n, { for: { keyId: "key_1" } });
  const one = new TestHolder(organisationId, { subject: { keyId: "key_1" } });
  const two = new TestHolder(organisationId, { subject: { keyId: "key_2" } });
  for (const holder of [one, two]) {
    await holder.call(books, { neededNanos: 500n });
    await settle(books, { holder: holder.name, settlements: [holder.settlement(100n)] });
  }
  const { spentNanos, heldNanos } = await only(organisationId);
  assert.deepEqual([spentNanos, heldNanos], [100n, 400n]);
});

test("a new budget counts what was spent, holds what leases may spend yet, and ends them", async () => {
  const organisationId = await organisationWith(books, 1_000_000n);
  const holder = new TestHolder(organisationId, { subject: { keyId: "key_1" } });
  await holder.call(books, { neededNanos: 800n });
  await settle(books, { holder: holder.name, settlements: [holder.settlement(100n)] });
  const { heldNanos, spentNanos } = await budget(organisationId, 900n, {
    for: { keyId: "key_1" },
    period: "month",
  });
  assert.deepEqual([spentNanos, heldNanos], [100n, 9_900n]);
  const fresh = new TestHolder(organisationId, { subject: { keyId: "key_1" } });
  assert.equal((await fresh.call(books, { neededNanos: 1n })).grantedNanos, 0n);
  const told = await holder.call(books, { carvedNanos: 0n });
  assert.ok(told.isSuperseded);
  assert.equal((await only(organisationId)).heldNanos, 9_900n);
  await holder.call(books, { carvedNanos: 0n, returnedNanos: 9_900n });
  assert.equal((await only(organisationId)).heldNanos, 0n);
  const next = new TestHolder(organisationId, { subject: { keyId: "key_1" } });
  const answer = await next.call(books, { neededNanos: 900n });
  assert.equal(answer.grantedNanos, 800n);
});

test("a new day starts a daily budget anew, and ends leases of the day before", async () => {
  const organisationId = await organisationWith(books, 1_000_000n);
  await budget(organisationId, 1_000n, { period: "day" });
  const holder = new TestHolder(organisationId);
  assert.equal((await holder.call(books, { neededNanos: 1_000n })).grantedNanos, 1_000n);
  books.nowMs = Date.UTC(2026, 10, 23);
  const told = await holder.call(books, { carvedNanos: 1_000n });
  assert.ok(told.isSuperseded);
  const next = new TestHolder(organisationId);
  assert.equal((await next.call(books, { neededNanos: 1_000n })).grantedNanos, 1_000n);
  await settle(books, { holder: holder.name, settlements: [holder.settlement(1_000n)] });
  const { spentNanos, heldNanos } = await only(organisationId);
  assert.deepEqual([spentNanos, heldNanos], [0n, 1_000n]);
});

test("a budget is changed from the version that was read, and no other", async () => {
  const organisationId = await organisationWith(books, 1_000_000n);
  const made = await budget(organisationId, 5n);
  await assert.rejects(budget(organisationId, 6n), { reason: "quota.version_mismatch" });
  const raised = await budget(organisationId, 700n, { expectedVersion: made.version });
  assert.deepEqual([raised.id, raised.nanos, raised.version], [made.id, 700n, 2n]);
  const stale = budget(organisationId, 8n, { expectedVersion: made.version });
  await assert.rejects(stale, { reason: "quota.version_mismatch" });
  const holder = new TestHolder(organisationId);
  assert.equal((await holder.call(books, { neededNanos: 900n })).grantedNanos, 700n);
});

test("a budget that is taken away binds nobody any more", async () => {
  const organisationId = await organisationWith(books, 1_000_000n);
  const { id } = await budget(organisationId, 5n, { for: { keyId: "key_1" } });
  const setBy = "organisation" as const;
  const removal = { organisationId, id, expectedVersion: 1n, setBy };
  const stale = deleteBudget(books, { ...removal, expectedVersion: 2n });
  await assert.rejects(stale, { reason: "quota.version_mismatch" });
  await deleteBudget(books, removal);
  await assert.rejects(deleteBudget(books, removal), { reason: "quota.not_found" });
  const holder = new TestHolder(organisationId, { subject: { keyId: "key_1" } });
  const answer = await holder.call(books, { neededNanos: 900n });
  assert.deepEqual([answer.grantedNanos >= 900n, answer.scopedBy], [true, []]);
});

test("a budget may be set before there is any credit", async () => {
  const organisationId = "org_early";
  await budget(organisationId, 50n);
  await organisationWith(books, 1_000n, { organisationId });
  const answer = await new TestHolder(organisationId).call(books, { neededNanos: 100n });
  assert.equal(answer.grantedNanos, 50n);
});

/** Raises, ceilings and warnings on a real database, with two replicas of the service. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { migrate, sql } from "@tandem/libs/store";
import {
  openTestBooks,
  organisationWith,
  subject,
  type TestBooks,
  TestHolder,
} from "../testing/scenario.ts";
import { openTwinBooks, type TwinBooks } from "../testing/twin-books.ts";
import { findFullest } from "./budget-rows.ts";
import { type BudgetChange, deleteBudget, listBudgets, raiseBudget, setBudget } from "./budgets.ts";
import { findLimits, type LimitChange, raiseLimit, setLimit } from "./limits.ts";
import { migrations } from "./migrations.ts";
import { settle } from "./settle.ts";
import { listWarnings } from "./warnings.ts";

let house: TwinBooks;
let books: TestBooks;
/** Another replica on the same database. */
let twin: TestBooks;

before(async () => {
  house = await openTwinBooks();
  ({ books, twin } = house);
});
after(() => house.close());

const own = { setBy: "organisation" } as const;
const platform = { setBy: "platform" } as const;

function budget(organisationId: string, nanos: bigint, rest: Partial<BudgetChange> = {}) {
  return setBudget(books, {
    ...{ id: "", subject: subject(organisationId), nanos, period: "total", currency: "USD" },
    ...{ expectedVersion: 0n, setBy: "organisation", isSoft: false, warnAt: [], ...rest },
  });
}

function limit(organisationId: string, amount: bigint, rest: Partial<LimitChange> = {}) {
  return setLimit(books, {
    ...{ id: "", subject: subject(organisationId), kind: "requests", amount, windowMs: 60_000 },
    ...{ expectedVersion: 0n, setBy: "organisation", ...rest },
  });
}

function raise(organisationId: string, id: string, amount: bigint, rest: object = {}) {
  const untilMs = books.nowMs + 60_000;
  const said = { by: "usr_1", reason: "a fair", expectedVersion: 0n };
  return { organisationId, id, amount, untilMs, ...said, ...own, ...rest };
}

/** Both replicas' clocks are the database's. */
function setClock(nowMs: number): void {
  books.nowMs = nowMs;
  twin.nowMs = nowMs;
}

test("when a raise ends, no gateway carves from what it leased by it", async () => {
  const organisationId = await organisationWith(books, 1_000_000n);
  const { id } = await budget(organisationId, 1_000n);
  await raiseBudget(books, raise(organisationId, id, 50_000n));
  const startMs = books.nowMs;
  const first = new TestHolder(organisationId, { name: "ai-1" });
  const second = new TestHolder(organisationId, { name: "ai-2" });
  const granted = await first.call(books, { neededNanos: 900n });
  await second.call(twin, { neededNanos: 20_000n });
  assert.equal(granted.validMs, 5_000);
  setClock(startMs + 58_000);
  const renewed = await first.call(twin, { carvedNanos: 900n, keptNanos: granted.grantedNanos });
  assert.equal(renewed.validMs, 2_000, "valid until the raise ends, and not longer");
  setClock(startMs + 60_000);
  for (const [holder, replica] of [
    [first, books],
    [second, twin],
  ] as const) {
    const answer = await holder.call(replica, { neededNanos: 100n, carvedNanos: 100n });
    assert.deepEqual([answer.isSuperseded, answer.grantedNanos], [true, 0n]);
  }
  const third = new TestHolder(organisationId, { name: "ai-3" });
  const over = await third.call(books, { neededNanos: 2_000n, leastNanos: 2_000n });
  assert.deepEqual([over.grantedNanos, over.limitSource], [0n, "organisation"]);
  setClock(startMs);
});

test("a raise ended before its time ends what was leased by it", async () => {
  const organisationId = await organisationWith(books, 1_000_000n);
  const { id } = await budget(organisationId, 10n);
  const raised = await raiseBudget(books, raise(organisationId, id, 50_000n));
  assert.deepEqual([raised.inForceNanos, raised.raise?.by], [50_000n, "usr_1"]);
  const holder = new TestHolder(organisationId);
  await holder.call(books, { neededNanos: 500n });
  const startMs = books.nowMs;
  setClock(startMs + 1_000);
  const ended = await raiseBudget(twin, raise(organisationId, id, 0n, { untilMs: 0 }));
  assert.equal(ended.inForceNanos, 10n);
  assert.equal((await holder.call(books, { neededNanos: 5n })).isSuperseded, true);
  setClock(startMs);
});

test("a raise is above what it raises, in the future, and within a year", async () => {
  const organisationId = await organisationWith(books, 1n);
  const { id, version } = await limit(organisationId, 10n);
  const asked = (rest: object) => raiseLimit(books, raise(organisationId, id, 20n, rest));
  for (const rest of [
    { amount: 10n },
    { untilMs: books.nowMs },
    { untilMs: books.nowMs + 367 * 86_400_000 },
  ]) {
    await assert.rejects(asked(rest), { reason: "quota.malformed" });
  }
  await assert.rejects(asked({ expectedVersion: 9n }), { reason: "quota.version_mismatch" });
  await assert.rejects(asked({ id: "lim_none" }), { reason: "quota.not_found" });
  await assert.rejects(asked(platform), { reason: "quota.locked" });
  const raised = await Promise.allSettled(
    [books, twin].map((replica) =>
      raiseLimit(replica, raise(organisationId, id, 20n, { expectedVersion: version })),
    ),
  );
  assert.equal(raised.filter(({ status }) => status === "fulfilled").length, 1, "one of two");
});

test("what the platform sets no organisation exceeds, changes, raises or removes", async () => {
  const organisationId = await organisationWith(books, 1_000_000n);
  const ceiling = await limit(organisationId, 60n, platform);
  await assert.rejects(limit(organisationId, 61n), { reason: "quota.above_allowance" });
  const mine = await limit(organisationId, 60n);
  const wanted = { id: ceiling.id, expectedVersion: 1n, kind: "requests" as const };
  await assert.rejects(limit(organisationId, 1n, wanted), { reason: "quota.locked" });
  await assert.rejects(raiseLimit(books, raise(organisationId, mine.id, 61n)), {
    reason: "quota.above_allowance",
  });
  await raiseLimit(books, raise(organisationId, ceiling.id, 100n, platform));
  await raiseLimit(books, raise(organisationId, mine.id, 61n));
  assert.deepEqual(
    (await findLimits(books.database, organisationId)).map(({ setBy }) => setBy).sort(),
    ["organisation", "platform"],
  );
  const most = await budget(organisationId, 500n, platform);
  await assert.rejects(budget(organisationId, 501n), { reason: "quota.above_allowance" });
  await budget(organisationId, 500n);
  const removal = { organisationId, id: most.id, expectedVersion: 0n };
  await assert.rejects(deleteBudget(books, { ...removal, ...own }), { reason: "quota.locked" });
  const holder = new TestHolder(organisationId);
  const answer = await holder.call(books, { neededNanos: 501n, leastNanos: 501n });
  assert.equal(answer.grantedNanos, 0n);
  await deleteBudget(books, { ...removal, ...platform });
});

test("a soft budget counts to the nano, warns once a threshold, and refuses nobody", async () => {
  const organisationId = await organisationWith(books, 1_000_000n);
  const warnAt = [50, 100];
  const soft = await budget(organisationId, 1_000n, { isSoft: true, warnAt });
  const holder = new TestHolder(organisationId, { name: "soft" });
  const opened = await holder.call(books, { neededNanos: 5_000n });
  assert.ok(opened.grantedNanos >= 5_000n, "more than the budget");
  assert.deepEqual(opened.marks, []);
  const pay = (replica: TestBooks, nanos: bigint) =>
    settle(replica, { holder: "soft", settlements: [holder.settlement(nanos)] });
  assert.deepEqual((await pay(books, 499n)).warnings, []);
  const both = await Promise.all([pay(books, 300n), pay(twin, 300n)]);
  assert.deepEqual(
    both.flatMap(({ warnings }) => warnings.map(({ percent }) => percent)).sort(),
    [100, 50],
    "each told by one of two replicas",
  );
  assert.deepEqual((await pay(twin, 300n)).warnings, []);
  const told = await listWarnings(books.database, { organisationId, limit: 10, after: "" });
  assert.deepEqual(
    told.map((one) => [one.budgetId, one.percent, one.isSoft, one.periodKey]).sort(),
    [
      [soft.id, 100, true, "total"],
      [soft.id, 50, true, "total"],
    ],
  );
  const [counted] = await listBudgets(books, organisationId);
  assert.equal(counted?.spentNanos, 1_399n);
  const renewed = await holder.call(books, { neededNanos: 1n });
  assert.deepEqual(renewed.marks, [
    { source: "organisation", period: "total", usedPercent: 139, isSoft: true },
  ]);
});

test("a soft budget stands beside a hard one; one that is set late warns at once", async () => {
  const organisationId = await organisationWith(books, 1_000_000n);
  const holder = new TestHolder(organisationId, { name: "beside" });
  await holder.call(books, { neededNanos: 5_000n });
  await settle(books, { holder: "beside", settlements: [holder.settlement(900n)] });
  await budget(organisationId, 1_000n, { isSoft: true, warnAt: [80] });
  await budget(organisationId, 1_000_000n, { warnAt: [80] });
  const told = await listWarnings(twin.database, { organisationId, limit: 10, after: "" });
  assert.deepEqual(
    told.map(({ percent, isSoft }) => [percent, isSoft]),
    [[80, true]],
  );
});

test("the fullest budgets of all organisations are found, raised ones by what is in force", async () => {
  const organisationId = await organisationWith(books, 1_000n);
  const { id } = await budget(organisationId, 0n);
  const asked = { nowMs: books.nowMs, percentMin: 80, limit: 200 };
  const isFull = async () =>
    (await findFullest(books.database, asked)).some((one) => one.id === id);
  assert.equal(await isFull(), true);
  await raiseBudget(books, raise(organisationId, id, 100n));
  assert.equal(await isFull(), false);
});

test("the schema goes back and forth with everything in it", async () => {
  const url = await house.createDatabase();
  const other = openTestBooks(url);
  await migrate(other.database, migrations);
  await sql`insert into wallets values ('org_x', 'USD', 0)`.execute(other.database);
  for (const setBy of ["organisation", "platform"] as const) {
    await setLimit(other, {
      ...{ id: "", subject: subject("org_x"), kind: "requests", amount: 5n, windowMs: 60_000 },
      ...{ expectedVersion: 0n, setBy },
    });
  }
  const step = migrations["0006-raises"];
  await step?.down?.(other.database);
  await step?.up(other.database);
  const left = await findLimits(other.database, "org_x");
  assert.deepEqual(
    left.map(({ setBy, raise: none }) => [setBy, none]),
    [["organisation", undefined]],
  );
  await other.database.destroy();
});

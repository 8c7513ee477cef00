import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { sql } from "@tandem/libs/store";
import { seededRandom } from "@tandem/libs/testing";
import type { Settlement } from "../core/settlement.ts";
import { organisationWith, type TestBooks, TestHolder } from "../testing/scenario.ts";
import { openTwinBooks, type TwinBooks } from "../testing/twin-books.ts";
import { assertFactsEqualLedger, usageOf } from "../testing/usage-facts.ts";
import { setBudget } from "./budgets.ts";
import { releaseLeases } from "./leases.ts";
import { settle } from "./settle.ts";
import { readSpent } from "./spending.ts";
import { listTransfers, readBalance } from "./statements.ts";
import { expireAll } from "./upkeep.ts";
import { verifyLedger } from "./verify.ts";

let house: TwinBooks;
let books: TestBooks;
let twin: TestBooks;

before(async () => {
  house = await openTwinBooks();
  ({ books, twin } = house);
});
after(async () => {
  await assertFactsEqualLedger(books.database);
  assert.deepEqual((await verifyLedger(books)).problems, []);
  await house.close();
});

const dayMs = 86_400_000;

interface Scene {
  readonly organisationId: string;
  readonly holders: readonly [TestHolder, TestHolder];
  readonly budgetId: string;
}

/** Two replicas of a gateway with leases on credit of three kinds, and a budget. */
async function scene(): Promise<Scene> {
  const soon = books.nowMs + dayMs;
  const organisationId = await organisationWith(books, 12n, { kind: "granted", expiresAtMs: soon });
  await organisationWith(books, 8n, { kind: "granted", organisationId });
  await organisationWith(books, 980n, { organisationId });
  const holders = [new TestHolder(organisationId), new TestHolder(organisationId)] as const;
  const [{ subject }] = holders;
  const { id: budgetId } = await setBudget(books, {
    ...{ id: "", subject, nanos: 10_000n, period: "day", setBy: "organisation", isSoft: false },
    ...{ warnAt: [], expectedVersion: 0n, currency: "USD" },
  });
  for (const holder of holders) await holder.call(books, { neededNanos: 300n });
  return { organisationId, holders, budgetId };
}

/** What a request came to: its credit by lot, and every place that says what it cost. */
async function outcomeOf({ organisationId, budgetId }: Scene, requestId: string) {
  const lots = await sql<{ remaining: bigint }>`
    select remaining_nanos as remaining from lots where organisation_id = ${organisationId}
    order by id`.execute(books.database);
  const spent = await sql<{ spent: bigint }>`
    select spent_nanos as spent from budget_periods where budget_id = ${budgetId}`.execute(
    books.database,
  );
  const { dayNanos } = await readSpent(books.database, { organisationId, nowMs: books.nowMs });
  const lines = await listTransfers(books, { organisationId, limit: 100, after: "" });
  const stated = lines.reduce((sum, { kind, nanos }) => {
    if (kind === "settlement") return sum + nanos;
    return kind === "give_back" ? sum - nanos : sum;
  }, 0n);
  return {
    lots: lots.rows.map(({ remaining }) => remaining),
    spent: spent.rows.map((row) => row.spent),
    ...{ dayNanos, stated, usage: await usageOf(books.database, requestId) },
  };
}

const cost = (chargedNanos: bigint, outputTokens: number) => ({
  ...{ chargedNanos, reservedNanos: 60n, outputTokens, atMs: books.nowMs },
});

/** What the whole answer alone would have come to. */
const wholeAlone = {
  lots: [0n, 0n, 975n],
  spent: [25n],
  dayNanos: 25n,
  stated: 25n,
  usage: {
    ...{ chargedNanos: 25n, requests: 1, inputTokens: 11, cachedInputTokens: 2, outputTokens: 9 },
  },
};

interface Message {
  readonly from: TestHolder;
  readonly settlement: Settlement;
}

function messagesOf({ holders: [dying, other] }: Scene) {
  const whole = {
    ...other.settlement(25n),
    inputTokens: 11,
    cachedInputTokens: 2,
    ...cost(25n, 9),
  };
  const { requestId } = whole;
  const part = { ...dying.settlement(1n, { requestId }), outcome: "partial", estimated: true };
  return {
    requestId,
    whole: { from: other, settlement: whole },
    tooHigh: { from: dying, settlement: { ...part, inputTokens: 14, ...cost(28n, 7) } },
    muchTooHigh: { from: other, settlement: { ...part, leaseId: other.leaseId, ...cost(41n, 20) } },
    tooLow: { from: dying, settlement: { ...part, ...cost(10n, 4) } },
    asMuch: { from: dying, settlement: { ...part, ...cost(25n, 9) } },
  };
}

/** As gateways do: until it is confirmed. */
async function send(replica: TestBooks, { from, settlement }: Message): Promise<void> {
  const message = { holder: from.name, settlements: [settlement] };
  const { settled, refused, waiting } = await settle(replica, message);
  if (waiting.length > 0) return send(replica, { from, settlement });
  assert.deepEqual([settled, refused], [[settlement.requestId], []]);
}

function ordersOf<Item>(items: readonly Item[]): readonly (readonly Item[])[] {
  if (items.length < 2) return [items];
  return items.flatMap((item, at) =>
    ordersOf(items.toSpliced(at, 1)).map((rest) => [item, ...rest]),
  );
}

test("parts too high and too low, in every order, repeated, end as the whole answer alone", async () => {
  for (const order of ordersOf(["whole", "tooHigh", "muchTooHigh", "tooLow"] as const)) {
    const given = await scene();
    const messages = messagesOf(given);
    for (const [at, name] of order.entries()) {
      await send(at % 2 === 0 ? books : twin, messages[name]);
      await send(at % 2 === 0 ? twin : books, messages[order[0] ?? name]);
    }
    for (const name of order) await send(books, messages[name]);
    assert.deepEqual(await outcomeOf(given, messages.requestId), wholeAlone, order.join(", "));
  }
});

test("a part of as much as the whole keeps a later one that is higher from being charged", async () => {
  const given = await scene();
  const { requestId, asMuch, whole, tooHigh } = messagesOf(given);
  for (const message of [asMuch, whole, tooHigh, whole]) await send(books, message);
  assert.deepEqual(await outcomeOf(given, requestId), wholeAlone);
});

test("all at once at two replicas, any number of times: what the whole answer costs", async () => {
  const random = seededRandom("given back");
  const given = await Promise.all(Array.from({ length: 5 }, scene));
  const sent = given.flatMap((one) => {
    const { requestId: _, ...messages } = messagesOf(one);
    const all = Object.values(messages);
    return [...all, ...all.filter(() => random.fraction() < 0.5)];
  });
  const shuffled = sent.toSorted(() => random.fraction() - 0.5);
  await Promise.all(
    shuffled.map((message) => send(random.fraction() < 0.5 ? books : twin, message)),
  );
  for (const one of given) {
    const left = await readBalance(books, one.organisationId);
    assert.equal(left.grantedNanos + left.purchasedNanos, 975n);
  }
});

test("the whole and its parts in one message, from whoever they are: the whole counts", async () => {
  const given = await scene();
  const { requestId, whole } = messagesOf(given);
  const part = { ...whole.settlement, outcome: "partial", ...cost(33n, 12) };
  for (const settlements of [[part, whole.settlement, part], [part]]) {
    await settle(books, { holder: whole.from.name, settlements });
  }
  assert.deepEqual(await outcomeOf(given, requestId), wholeAlone);
});

test("a budget that is set afterwards counts what was kept of the charge", async () => {
  const given = await scene();
  const { whole, tooHigh } = messagesOf(given);
  for (const message of [tooHigh, whole]) await send(books, message);
  const { spentNanos } = await setBudget(books, {
    ...{ id: "", subject: given.holders[0].subject, nanos: 10_000n, period: "month" },
    ...{ setBy: "organisation", isSoft: false, warnAt: [], expectedVersion: 0n, currency: "USD" },
  });
  assert.equal(spentNanos, 25n);
});

test("what comes back goes to the credit it came from, and expires with it", async () => {
  const given = await scene();
  const { organisationId, holders } = given;
  const { requestId, whole, tooHigh } = messagesOf(given);
  await send(books, tooHigh);
  for (const holder of holders) {
    await releaseLeases(books, { holder: holder.name, leaseIds: [holder.leaseId] });
  }
  // The ledger's days go forward only: this is the last test.
  books.nowMs += 2 * dayMs;
  // Of 28 the first twelve came from what has run out of time by now.
  await send(books, { ...whole, settlement: { ...whole.settlement, ...cost(5n, 1) } });
  const { usage } = await outcomeOf(given, requestId);
  assert.equal(usage.chargedNanos, 5n);
  await expireAll(books);
  const { grantedNanos, purchasedNanos } = await readBalance(books, organisationId);
  assert.deepEqual([grantedNanos, purchasedNanos], [8n, 980n]);
});

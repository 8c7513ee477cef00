import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { sql } from "@tandem/libs/store";
import { seededRandom } from "@tandem/libs/testing";
import type { Settlement } from "../core/settlement.ts";
import { organisationWith, type TestBooks, TestHolder } from "../testing/scenario.ts";
import { openTwinBooks, type TwinBooks } from "../testing/twin-books.ts";
import { assertFactsEqualLedger, waitingFacts } from "../testing/usage-facts.ts";
import { listAnomalies } from "./anomalies.ts";
import { releaseLeases } from "./leases.ts";
import { settle } from "./settle.ts";
import { listTransfers, readBalance } from "./statements.ts";

let house: TwinBooks;
let books: TestBooks;
/** Another replica on the same database. */
let twin: TestBooks;

before(async () => {
  house = await openTwinBooks();
  ({ books, twin } = house);
});
after(async () => {
  await assertFactsEqualLedger(books.database);
  await house.close();
});

async function heldBy(nanos: bigint): Promise<{ holder: TestHolder; organisationId: string }> {
  const organisationId = await organisationWith(books, nanos);
  const holder = new TestHolder(organisationId);
  await holder.call(books, { neededNanos: nanos });
  return { holder, organisationId };
}

const byText = (left: string, right: string): number => (left < right ? -1 : 1);

async function owned(organisationId: string): Promise<bigint> {
  const { grantedNanos, purchasedNanos } = await readBalance(books, organisationId);
  return grantedNanos + purchasedNanos;
}

test("every message tripled, reordered and sent to two replicas: each request is charged once", async () => {
  const random = seededRandom("tripled");
  const tenants = await Promise.all([1, 2, 3, 4].map(() => heldBy(1_000_000n)));
  const messages: { holder: string; settlements: Settlement[] }[] = [];
  const expected = new Map<string, bigint>();
  for (const { holder, organisationId } of tenants) {
    for (let batch = 0; batch < 10; batch += 1) {
      const settlements = Array.from({ length: 5 }, (_, index) =>
        holder.settlement(BigInt(batch * 5 + index + 1)),
      );
      const sum = settlements.reduce((total, { chargedNanos }) => total + chargedNanos, 0n);
      expected.set(organisationId, (expected.get(organisationId) ?? 0n) + sum);
      const message = { holder: holder.name, settlements };
      messages.push(message, message, message);
    }
  }
  messages.sort(() => random.fraction() - 0.5);
  const outcomes = await Promise.all(
    messages.map(async (message, index) => {
      const outcome = await settle(index % 2 === 0 ? books : twin, message);
      return { message, outcome };
    }),
  );
  for (const { message, outcome } of outcomes) {
    assert.deepEqual(
      [...outcome.settled].sort(),
      message.settlements.map(({ requestId }) => requestId).sort(),
    );
    assert.deepEqual(outcome.refused, []);
  }
  for (const [organisationId, charged] of expected) {
    assert.equal(await owned(organisationId), 1_000_000n - charged);
  }
});

test("counts of refused calls go on to analytics, book nothing and may carry no charge", async () => {
  const { holder, organisationId } = await heldBy(1_000n);
  const detail = {
    ...{ endpoint: "chat", status: 429, durationMs: 0, firstTokenMs: 0, requests: 17 },
    ...{ stream: false, upstreamKnown: false },
    ...{ inputPrice: 0n, cachedInputPrice: 0n, outputPrice: 0n },
  };
  const refused = holder.settlement(0n, { leaseId: "", outcome: "refused", detail });
  const charged = holder.settlement(5n, { outcome: "refused", detail });
  const message = { holder: holder.name, settlements: [refused, charged] };
  const outcome = await settle(books, message);
  assert.deepEqual(outcome.settled, [refused.requestId]);
  assert.deepEqual(outcome.refused, [{ requestId: charged.requestId, reason: "malformed" }]);
  const facts = await waitingFacts(books.database);
  const [fact] = facts.filter(({ id }) => id === refused.requestId);
  assert.deepEqual([fact?.requests, fact?.status, fact?.outcome], [17, 429, "refused"]);
  assert.equal(await owned(organisationId), 1_000n);
});

test("what two replicas settled of one request is charged once, at the larger amount", async () => {
  const organisationId = await organisationWith(books, 1_000n);
  const [holder, other] = [new TestHolder(organisationId), new TestHolder(organisationId)];
  for (const each of [holder, other]) await each.call(books, { neededNanos: 100n });
  const part = holder.settlement(10n, { outputTokens: 4 });
  const whole = other.settlement(25n, { requestId: part.requestId, outputTokens: 9 });
  const send = (from: TestHolder, settlement: Settlement) =>
    settle(books, { holder: from.name, settlements: [settlement] });
  for (let time = 0; time < 2; time += 1) {
    for (const [from, one] of [
      [holder, part],
      [other, whole],
    ] as const) {
      const { settled, refused } = await send(from, one);
      assert.deepEqual([settled, refused], [[part.requestId], []]);
    }
  }
  assert.equal(await owned(organisationId), 975n);
  const facts = (await waitingFacts(books.database)).filter(({ id }) =>
    id.startsWith(part.requestId),
  );
  const told = facts.map(({ rest, chargedNanos, outputTokens }) => [
    ...[rest, chargedNanos, outputTokens],
  ]);
  assert.deepEqual(told.sort(), [
    [false, 10n, 4],
    [true, 15n, 5],
  ]);
});

test("in the other order the part changes nothing", async () => {
  const { holder, organisationId } = await heldBy(1_000n);
  const whole = holder.settlement(25n);
  await settle(books, { holder: holder.name, settlements: [whole] });
  const part = { ...whole, chargedNanos: 10n };
  const { settled, refused } = await settle(books, { holder: holder.name, settlements: [part] });
  assert.deepEqual([settled, refused], [[whole.requestId], []]);
  assert.equal(await owned(organisationId), 975n);
});

test("a part that was estimated higher adds nothing to an answer that is booked whole", async () => {
  const { holder, organisationId } = await heldBy(1_000n);
  const whole = holder.settlement(25n, { outcome: "complete" });
  await settle(books, { holder: holder.name, settlements: [whole] });
  const part = { ...whole, chargedNanos: 28n, outcome: "partial", estimated: true };
  const { settled, refused } = await settle(books, { holder: holder.name, settlements: [part] });
  assert.deepEqual([settled, refused], [[whole.requestId], []]);
  assert.equal(await owned(organisationId), 975n);
});

test("each further replica's larger amount is booked as the difference, up to a bound", async () => {
  const { holder, organisationId } = await heldBy(1_000n);
  const settlement = holder.settlement(10n);
  const asking = (nanos: bigint) => ({
    holder: holder.name,
    settlements: [{ ...settlement, chargedNanos: nanos, reservedNanos: nanos }],
  });
  for (let times = 1n; times <= 9n; times += 1n) {
    for (const nanos of [times * 10n, 10n, times * 10n]) {
      const { settled, refused } = await settle(books, asking(nanos));
      assert.deepEqual([settled, refused], [[settlement.requestId], []]);
    }
    assert.equal(await owned(organisationId), 1_000n - times * 10n);
  }
  for (let time = 0; time < 3; time += 1) {
    const { settled, refused } = await settle(books, asking(100n));
    assert.deepEqual(settled, []);
    assert.deepEqual(refused, [{ requestId: settlement.requestId, reason: "conflict" }]);
  }
  const parked = await listAnomalies(books.database, { organisationId, limit: 10, after: "" });
  const conflicts = parked.filter(({ kind }) => kind === "conflict");
  assert.deepEqual(
    conflicts.map(({ askedNanos, chargedNanos }) => [askedNanos, chargedNanos]),
    [[100n, 0n]],
  );
  assert.equal(await owned(organisationId), 910n);
});

test("two amounts for one request in one batch: the larger one is charged", async () => {
  const { holder, organisationId } = await heldBy(1_000n);
  const settlement = holder.settlement(10n);
  const { settled, refused } = await settle(books, {
    holder: holder.name,
    settlements: [settlement, settlement, { ...settlement, chargedNanos: 11n, reservedNanos: 11n }],
  });
  assert.deepEqual(settled, [settlement.requestId]);
  assert.deepEqual(refused, []);
  assert.equal(await owned(organisationId), 989n);
});

test("more than was reserved is charged as reserved, and recorded", async () => {
  const { holder, organisationId } = await heldBy(1_000n);
  const settlement = holder.settlement(70n, { reservedNanos: 50n });
  const { settled } = await settle(books, { holder: holder.name, settlements: [settlement] });
  assert.deepEqual(settled, [settlement.requestId]);
  assert.equal(await owned(organisationId), 950n);
  const [anomaly] = await listAnomalies(books.database, { organisationId, limit: 1, after: "" });
  assert.deepEqual(
    [anomaly?.kind, anomaly?.askedNanos, anomaly?.chargedNanos],
    ["over_reserved", 70n, 50n],
  );
});

test("a settlement that comes after its lease was given back is charged to the wallet, to its end", async () => {
  const { holder, organisationId } = await heldBy(100n);
  await releaseLeases(books, { holder: holder.name, leaseIds: [holder.leaseId] });
  const settlements = [holder.settlement(70n), holder.settlement(70n), holder.settlement(70n)];
  const { settled } = await settle(books, { holder: holder.name, settlements });
  assert.equal(settled.length, 3);
  assert.equal(await owned(organisationId), 0n);
  const found = await listAnomalies(books.database, { organisationId, limit: 10, after: "" });
  const kinds = found.map(({ kind, chargedNanos }) => `${kind} ${chargedNanos}`).sort();
  assert.deepEqual(kinds, ["late 0", "late 30", "late 70", "uncovered 0", "uncovered 30"]);
});

test("what is malformed or not the holder's is refused beside what is sound", async () => {
  const { holder, organisationId } = await heldBy(1_000n);
  const { holder: stranger } = await heldBy(1_000n);
  const sound = holder.settlement(10n);
  const settlements = [
    sound,
    holder.settlement(10n, { chargedNanos: -1n }),
    holder.settlement(10n, { requestId: "" }),
    holder.settlement(10n, { requestId: "req_\0" }),
    holder.settlement(10n, { outcome: "splendid" }),
    holder.settlement(10n, { currency: "EUR" }),
    holder.settlement(10n, { leaseId: "lse_nowhere" }),
    holder.settlement(10n, { leaseId: stranger.leaseId }),
    { ...stranger.settlement(10n), leaseId: holder.leaseId },
  ];
  const outcome = await settle(books, { holder: holder.name, settlements });
  assert.deepEqual(outcome.settled, [sound.requestId]);
  assert.deepEqual(
    outcome.refused.map(({ reason }) => reason),
    [
      ...["malformed", "malformed", "malformed", "malformed"],
      ...["malformed", "unknown_lease", "foreign_lease", "foreign_lease"],
    ],
  );
  assert.equal(await owned(organisationId), 990n);
});

test("a request that cost nothing is recorded without lease, wallet or transfer", async () => {
  const holder = new TestHolder("org_without_wallet");
  const free = holder.settlement(0n, { leaseId: "", outcome: "cached" });
  const first = await settle(books, { holder: holder.name, settlements: [free] });
  const second = await settle(twin, { holder: holder.name, settlements: [free] });
  assert.deepEqual([first.settled, second.settled], [[free.requestId], [free.requestId]]);
});

test("one organisation whose wallet is locked for long delays no other", async () => {
  const stuck = await heldBy(1_000n);
  const free = await heldBy(1_000n);
  let release = (): void => {};
  let hasLock = (): void => {};
  const locked = new Promise<void>((resolve) => {
    hasLock = resolve;
  });
  const blocker = twin.database.transaction().execute(async (tx) => {
    await sql`select 1 from wallets where organisation_id = ${stuck.organisationId} for update`.execute(
      tx,
    );
    hasLock();
    await new Promise<void>((resolve) => {
      release = resolve;
    });
  });
  await locked;
  const inFree = free.holder.settlement(10n);
  const inStuck = stuck.holder.settlement(10n, { leaseId: stuck.holder.leaseId });
  const outcome = await settle(books, {
    holder: free.holder.name,
    settlements: [inFree, inStuck],
  });
  assert.deepEqual(outcome.settled, [inFree.requestId]);
  assert.deepEqual(outcome.waiting, [inStuck.requestId]);
  release();
  await blocker;
  const again = await settle(books, { holder: stuck.holder.name, settlements: [inStuck] });
  assert.deepEqual(again.settled, [inStuck.requestId]);
});

test("a statement lists grants and charges, newest first, page by page", async () => {
  const { holder, organisationId } = await heldBy(1_000n);
  for (const nanos of [1n, 2n, 3n]) {
    await settle(books, { holder: holder.name, settlements: [holder.settlement(nanos)] });
  }
  const first = await listTransfers(books, { organisationId, limit: 2, after: "" });
  const after = first.at(-1)?.id ?? "";
  const second = await listTransfers(books, { organisationId, limit: 5, after });
  assert.deepEqual(
    [...first, ...second].map(({ kind, nanos }) => `${kind} ${nanos}`).sort(byText),
    ["purchase 1000", "settlement 1", "settlement 2", "settlement 3"],
  );
});

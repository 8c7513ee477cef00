import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { newId } from "@tandem/libs/world";
import { organisationWith, type TestBooks, TestHolder, world } from "../testing/scenario.ts";
import { openTwinBooks, type TwinBooks } from "../testing/twin-books.ts";
import { readChanges, readHead } from "./changes.ts";
import { adoptLeases, releaseLeases } from "./leases.ts";
import { settle } from "./settle.ts";
import { readBalance } from "./statements.ts";
import { ageLeases, expireAll, forgetOld } from "./upkeep.ts";
import { verifyLedger } from "./verify.ts";

let house: TwinBooks;
let books: TestBooks;
/** Another replica on the same database. */
let twin: TestBooks;

before(async () => {
  house = await openTwinBooks();
  ({ books, twin } = house);
});
after(() => house.close());

test("500 reservations at once against credit for ten: exactly ten are granted", async () => {
  const organisationId = await organisationWith(books, 10n * 7_000n + 6_999n);
  const attempts = Array.from({ length: 500 }, (_, index) =>
    new TestHolder(organisationId).call(index % 2 === 0 ? books : twin, {
      neededNanos: 7_000n,
      leastNanos: 7_000n,
    }),
  );
  const answers = await Promise.all(attempts);
  const granted = answers.filter(({ grantedNanos }) => grantedNanos > 0n);
  assert.equal(granted.length, 10);
  assert.ok(granted.every(({ grantedNanos }) => grantedNanos === 7_000n));
  const refused = answers.filter(({ grantedNanos }) => grantedNanos === 0n);
  assert.ok(refused.every(({ limitSource }) => limitSource === "wallet"));
  const balance = await readBalance(books, organisationId);
  assert.equal(balance.heldNanos, 70_000n);
  assert.equal(balance.purchasedNanos, 76_999n);
});

test("an organisation without a wallet is refused, and leaves nothing behind", async () => {
  const answer = await new TestHolder(newId(world, "org")).call(books, { neededNanos: 1n });
  assert.equal(answer.grantedNanos, 0n);
  assert.equal(answer.limitSource, "wallet");
});

test("the same call repeated, and an older one overtaken, move nothing", async () => {
  const organisationId = await organisationWith(books, 1_000_000n);
  const holder = new TestHolder(organisationId);
  const first = holder.next({ neededNanos: 5_000n });
  const { leaseWallet } = await import("./leases.ts");
  const opened = await Promise.all([
    leaseWallet(books, first),
    leaseWallet(books, first),
    leaseWallet(books, first),
  ]);
  for (const answer of opened) assert.deepEqual(answer, opened[0]);
  const second = holder.next({ returnedNanos: 1_000n });
  await leaseWallet(books, second);
  for (const repeated of [second, first, second]) await leaseWallet(books, repeated);
  const { heldNanos } = await readBalance(books, organisationId);
  assert.equal(heldNanos, (opened[0]?.grantedNanos ?? 0n) - 1_000n);
});

test("a lease cannot be used by another holder, life or organisation", async () => {
  const organisationId = await organisationWith(books, 1_000_000n);
  const other = await organisationWith(books, 1_000_000n);
  const holder = new TestHolder(organisationId);
  await holder.call(books, { neededNanos: 5_000n });
  const thieves = [
    { holder: "someone-else" },
    { incarnation: "another-life" },
    { organisationId: other },
  ];
  for (const thief of thieves) {
    await assert.rejects(holder.call(books, { neededNanos: 1n, ...thief }), {
      reason: "quota.lease_foreign",
    });
  }
});

test("a killed holder's slice: what it may have carved stays held, the rest returns", async () => {
  const organisationId = await organisationWith(books, 1_000_000n);
  const holder = new TestHolder(organisationId);
  await holder.call(books, { neededNanos: 10_000n });
  await holder.call(books, { carvedNanos: 2_000n, ceilingNanos: 4_000n });
  books.nowMs += 9_999;
  await ageLeases(books);
  assert.equal((await readBalance(books, organisationId)).heldNanos, 10_000n);
  books.nowMs += 1;
  await Promise.all([ageLeases(books), ageLeases(books), ageLeases(books)]);
  assert.equal((await readBalance(books, organisationId)).heldNanos, 4_000n);
  const late = await holder.call(books, { neededNanos: 1n, carvedNanos: 2_000n });
  assert.ok(late.isSuperseded);
  assert.equal(late.grantedNanos, 0n);
  books.nowMs += 670_000;
  await ageLeases(books);
  assert.equal((await readBalance(books, organisationId)).heldNanos, 0n);
});

test("a restarted holder adopts its leases, settles from its journal and gives the rest back", async () => {
  const organisationId = await organisationWith(books, 1_000_000n);
  const name = newId(world, "evt");
  const former = new TestHolder(organisationId, { name });
  await former.call(books, { neededNanos: 10_000n });
  const adopted = await adoptLeases(books, { holder: name, incarnation: "second life" });
  assert.deepEqual(adopted, [{ leaseId: former.leaseId, organisationId, heldNanos: 10_000n }]);
  const { settled } = await settle(books, {
    holder: name,
    settlements: [former.settlement(600n)],
  });
  assert.equal(settled.length, 1);
  const released = await releaseLeases(books, { holder: name, leaseIds: [former.leaseId] });
  assert.equal(released, 9_400n);
  const again = await releaseLeases(books, { holder: name, leaseIds: [former.leaseId] });
  assert.equal(again, 0n);
  const balance = await readBalance(books, organisationId);
  assert.deepEqual([balance.heldNanos, balance.purchasedNanos], [0n, 999_400n]);
});

test("an adoption that comes too late ends a newer life's leases, and frees nothing of them", async () => {
  const organisationId = await organisationWith(books, 1_000_000n);
  const holder = new TestHolder(organisationId);
  await holder.call(books, { neededNanos: 10_000n });
  await adoptLeases(books, { holder: holder.name, incarnation: "an earlier life" });
  const told = await holder.call(books, { carvedNanos: 0n, keptNanos: 10_000n });
  assert.ok(told.isSuperseded);
  // It had carved after it made that call, and before it was told.
  assert.equal((await readBalance(books, organisationId)).heldNanos, 10_000n);
  const { settled } = await settle(books, {
    holder: holder.name,
    settlements: [holder.settlement(9_000n)],
  });
  assert.equal(settled.length, 1);
  await holder.call(books, { carvedNanos: 0n, keptNanos: 1_000n });
  assert.equal((await readBalance(books, organisationId)).heldNanos, 0n);
});

test("nobody releases another holder's lease", async () => {
  const organisationId = await organisationWith(books, 1_000_000n);
  const holder = new TestHolder(organisationId);
  await holder.call(books, { neededNanos: 10_000n });
  const leaseIds = [holder.leaseId, "lse_nowhere"];
  assert.equal(await releaseLeases(books, { holder: "someone-else", leaseIds }), 0n);
  assert.equal((await readBalance(books, organisationId)).heldNanos, 10_000n);
});

test("near the end a lease is for what is needed, and the holder is told to keep no stock", async () => {
  const organisationId = await organisationWith(books, 1_000_000n);
  const holder = new TestHolder(organisationId);
  const rich = await holder.call(books, { neededNanos: 100n });
  assert.deepEqual([rich.grantedNanos, rich.isScarce], [10_000n, false]);
  const poor = await new TestHolder(organisationId).call(books, { neededNanos: 900_000n });
  assert.deepEqual([poor.grantedNanos, poor.isScarce], [900_000n, true]);
  const returned = await holder.call(books, { returnedNanos: 10_000n });
  assert.ok(returned.availableNanos === 100_000n);
});

test("what lies in stock is called in when somebody is short of it: the last unit is spent anywhere", async () => {
  twin.nowMs = books.nowMs;
  const organisationId = await organisationWith(books, 10_000n);
  const standing = new TestHolder(organisationId);
  await standing.call(books, { neededNanos: 10n });
  const kept = await standing.call(books, { keptNanos: 40n });
  assert.equal(kept.isScarce, false);
  const everything = { neededNanos: 10_000n, leastNanos: 10_000n };
  const before = await readHead(books.database);
  const short = await new TestHolder(organisationId).call(twin, everything);
  assert.deepEqual([short.grantedNanos, short.isCallingIn], [0n, true]);
  const page = await readChanges(books.database, { afterSequence: before, limit: 10 });
  assert.deepEqual(page.organisationIds, [organisationId]);
  const again = await new TestHolder(organisationId).call(books, everything);
  assert.equal(again.isCallingIn, true);
  assert.equal(await readHead(books.database), page.sequence, "it is said once in a while");
  const told = await standing.call(books, { keptNanos: 40n });
  assert.equal(told.isScarce, true);
  await standing.call(twin, { keptNanos: 0n });
  const served = await new TestHolder(organisationId).call(twin, everything);
  assert.equal(served.grantedNanos, 10_000n);
  const last = await new TestHolder(organisationId).call(books, { neededNanos: 1n });
  assert.deepEqual([last.limitSource, last.isCallingIn], ["wallet", false]);
});

test("all that lies in stock is at most a tenth of the credit", async () => {
  const organisationId = await organisationWith(books, 1_000_000n);
  const holders = Array.from({ length: 30 }, () => new TestHolder(organisationId));
  for (const holder of holders) await holder.call(books, { neededNanos: 5n });
  let keptNanos = 0n;
  for (const holder of holders) {
    const { isScarce } = await holder.call(books, { keptNanos: 7_000n });
    if (isScarce) await holder.call(books, { keptNanos: 0n });
    else keptNanos += 7_000n;
  }
  assert.ok(keptNanos > 0n && keptNanos <= 100_000n, `${keptNanos} are kept`);
});

test("expired credit is never leased, and what is held expires when it comes back", async () => {
  const expiresAtMs = books.nowMs + 60_000;
  const organisationId = await organisationWith(books, 1_000n, { kind: "granted", expiresAtMs });
  await organisationWith(books, 500n, { organisationId });
  const holder = new TestHolder(organisationId);
  await holder.call(books, { neededNanos: 300n, leastNanos: 300n });
  books.nowMs = expiresAtMs;
  await Promise.all([expireAll(books), expireAll(books)]);
  const kept = await readBalance(books, organisationId);
  assert.deepEqual([kept.grantedNanos, kept.purchasedNanos, kept.heldNanos], [300n, 500n, 300n]);
  const greedy = new TestHolder(organisationId);
  const answer = await greedy.call(books, { neededNanos: 501n, leastNanos: 501n });
  assert.equal(answer.grantedNanos, 0n);
  await releaseLeases(books, { holder: holder.name, leaseIds: [holder.leaseId] });
  await expireAll(books);
  const left = await readBalance(books, organisationId);
  assert.deepEqual([left.grantedNanos, left.purchasedNanos, left.heldNanos], [0n, 500n, 0n]);
});

test("credit expires at the moment of a lease even where no task has run", async () => {
  const expiresAtMs = books.nowMs + 60_000;
  const organisationId = await organisationWith(books, 1_000n, { kind: "granted", expiresAtMs });
  books.nowMs = expiresAtMs;
  const answer = await new TestHolder(organisationId).call(books, { neededNanos: 1n });
  assert.deepEqual([answer.grantedNanos, answer.availableNanos], [0n, 0n]);
});

test("leases that ended long ago are forgotten, and the ledger still verifies", async () => {
  const organisationId = await organisationWith(books, 1_000n);
  const holder = new TestHolder(organisationId);
  await holder.call(books, { neededNanos: 300n });
  await releaseLeases(books, { holder: holder.name, leaseIds: [holder.leaseId] });
  books.nowMs += 31 * 86_400_000;
  await forgetOld(books);
  const { refused } = await settle(books, {
    holder: holder.name,
    settlements: [holder.settlement(5n)],
  });
  assert.deepEqual(
    refused.map(({ reason }) => reason),
    ["unknown_lease"],
  );
  assert.deepEqual((await verifyLedger(books)).problems, []);
});

/**
 * The end of a gateway's life and the beginning of its next one, in every order that the protocol
 * and a network allow: lease, adopt, settle from the journal, release, with a message of each kind
 * once more at every later point, and a last call of the former life that was under way when it was
 * killed. Messages go to two replicas of quota in turn.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { migrate } from "@tandem/libs/store";
import { startTestPostgres, type TestPostgres } from "@tandem/libs/testing";
import { newId } from "@tandem/libs/world";
import {
  openTestBooks,
  organisationWith,
  type TestBooks,
  TestHolder,
  world,
} from "../testing/scenario.ts";
import { adoptLeases, leaseWallet, releaseLeases } from "./leases.ts";
import { migrations } from "./migrations.ts";
import { settle } from "./settle.ts";
import { readBalance } from "./statements.ts";
import { ageLeases } from "./upkeep.ts";
import { verifyLedger } from "./verify.ts";

let postgres: TestPostgres;
let replicas: readonly [TestBooks, TestBooks];

before(async () => {
  postgres = await startTestPostgres();
  const url = await postgres.createDatabase();
  replicas = [openTestBooks(url), openTestBooks(url)];
  await migrate(replicas[0].database, migrations);
});
after(async () => {
  assert.deepEqual((await verifyLedger(replicas[0])).problems, []);
  for (const { database } of replicas) await database.destroy();
  await postgres.stop();
});

const steps = ["lease", "adopt", "settle", "release"] as const;
/** `late`: the call that was under way when the former life ended. */
type Step = (typeof steps)[number] | "late";

/** Each step once more at every later point, and `late` at every point, alone and together. */
function orders(): readonly (readonly Step[])[] {
  const repeated: Step[][] = [[...steps]];
  for (const [index, step] of steps.entries()) {
    for (let at = index + 1; at <= steps.length; at += 1)
      repeated.push(steps.toSpliced(at, 0, step));
  }
  const late = repeated.flatMap((order) =>
    order.map((_, index) => order.toSpliced(index + 1, 0, "late")),
  );
  return [...repeated, ...late];
}

const chargedNanos = 600n;

/** Plays one order; what is held when it is over, and what the wallet has. */
async function play(order: readonly Step[]): Promise<readonly [held: bigint, owned: bigint]> {
  const [first] = replicas;
  const organisationId = await organisationWith(first, 1_000_000n);
  const name = newId(world, "evt");
  const former = new TestHolder(organisationId, { name });
  const lease = former.next({ neededNanos: 10_000n });
  // It had carved for a request whose settlement is in its journal, and wanted more.
  const late = former.next({ neededNanos: 5_000n, carvedNanos: 10_000n });
  const settlement = former.settlement(chargedNanos, { reservedNanos: 10_000n });
  const incarnation = "second life";
  const does = {
    lease: (books: TestBooks) => leaseWallet(books, lease),
    late: (books: TestBooks) => leaseWallet(books, late),
    adopt: (books: TestBooks) => adoptLeases(books, { holder: name, incarnation }),
    settle: (books: TestBooks) => settle(books, { holder: name, settlements: [settlement] }),
    release: (books: TestBooks) =>
      releaseLeases(books, { holder: name, leaseIds: [former.leaseId] }),
  };
  for (const [index, step] of order.entries()) {
    const books = replicas[index % 2 === 0 ? 0 : 1];
    await does[step](books);
    const { heldNanos } = await readBalance(books, organisationId);
    assert.ok(heldNanos >= 0n && heldNanos <= 1_000_000n, `${order} after ${step}`);
  }
  const { heldNanos, grantedNanos, purchasedNanos } = await readBalance(first, organisationId);
  return [heldNanos, grantedNanos + purchasedNanos];
}

test("in every order the request is charged once and nothing stays held", async () => {
  for (const order of orders()) {
    assert.deepEqual(await play(order), [0n, 1_000_000n - chargedNanos], order.join(", "));
  }
});

test("a gateway killed before it heard of its lease, and for good: its slice returns in time", async () => {
  const [first, second] = replicas;
  const organisationId = await organisationWith(first, 1_000_000n);
  const dead = new TestHolder(organisationId);
  await dead.call(first, { neededNanos: 10_000n });
  const { validMs, graceMs, requestMs } = first.times;
  for (const books of replicas) books.nowMs += validMs + graceMs + requestMs - 1;
  await Promise.all(replicas.map(ageLeases));
  assert.equal((await readBalance(second, organisationId)).heldNanos, 10_000n);
  for (const books of replicas) books.nowMs += 1;
  await Promise.all([...replicas, ...replicas].map(ageLeases));
  assert.equal((await readBalance(second, organisationId)).heldNanos, 0n);
});

test("two replicas adopt and release the same life at once: all comes back, once", async () => {
  const [first, second] = replicas;
  const organisationId = await organisationWith(first, 1_000_000n);
  const name = newId(world, "evt");
  const lives = [1, 2, 3].map(() => new TestHolder(organisationId, { name }));
  for (const life of lives) await life.call(first, { neededNanos: 10_000n });
  const adopted = await Promise.all(
    [first, second, first].map((books) =>
      adoptLeases(books, { holder: name, incarnation: "newest" }),
    ),
  );
  const leaseIds = lives.map(({ leaseId }) => leaseId).sort();
  for (const held of adopted)
    assert.deepEqual(
      held.map((one) => one.leaseId),
      leaseIds,
    );
  const released = await Promise.all(
    [first, second, first].map((books) => releaseLeases(books, { holder: name, leaseIds })),
  );
  assert.equal(
    released.reduce((sum, nanos) => sum + nanos, 0n),
    30_000n,
  );
  assert.equal((await readBalance(first, organisationId)).heldNanos, 0n);
});

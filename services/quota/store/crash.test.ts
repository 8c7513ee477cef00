import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { migrate } from "@tandem/libs/store";
import { startTestPostgres, type TestPostgres } from "@tandem/libs/testing";
import type { Settlement } from "../core/settlement.ts";
import { encodeScript, playScript } from "../testing/crash-script.ts";
import { startKillingProxy } from "../testing/killing-proxy.ts";
import {
  openTestBooks,
  organisationWith,
  type TestBooks,
  TestHolder,
} from "../testing/scenario.ts";
import { assertFactsEqualLedger } from "../testing/usage-facts.ts";
import { leaseWallet, releaseLeases, type WalletCall } from "./leases.ts";
import { migrations } from "./migrations.ts";
import { settle } from "./settle.ts";
import { readBalance } from "./statements.ts";
import { verifyLedger } from "./verify.ts";

let postgres: TestPostgres;
let books: TestBooks;
let url: string;

before(async () => {
  postgres = await startTestPostgres();
  url = await postgres.createDatabase();
  books = openTestBooks(url);
  await migrate(books.database, migrations);
});
after(async () => {
  await assertFactsEqualLedger(books.database);
  await books.database.destroy();
  await postgres.stop();
});

const child = join(import.meta.dirname, "../testing/crash-child.ts");

interface Crash {
  /** The statement it happens at, counted from the first transaction. */
  readonly strikeAt: number;
  /** Whether the statement still reaches the server. */
  readonly isDelivered: boolean;
  /** kill -9 of a process, or the loss of its connection. */
  readonly kind: "process" | "connection";
}

/** Lets a replica lease, settle and release until it dies; then repeats its messages elsewhere. */
async function crash({ strikeAt, isDelivered, kind }: Crash): Promise<{ isDone: boolean }> {
  const organisationId = await organisationWith(books, 1_000_000n);
  const holder = new TestHolder(organisationId);
  const lease = holder.next({ neededNanos: 5_000n });
  const settlement = holder.settlement(1_234n);
  const folder = mkdtempSync(join(tmpdir(), "tandem-crash-"));
  let strike = (): void => {};
  const given = { url, folder, strikeAt, isDelivered, strike: () => strike() };
  const proxy = await startKillingProxy(given);
  const script = { url: proxy.url, lease, settlement };
  let isDone = false;
  if (kind === "process") {
    const running = spawn(process.execPath, [child, encodeScript(script)], { stdio: "ignore" });
    strike = () => running.kill("SIGKILL");
    const signal = await new Promise((resolve) => running.once("exit", (_, by) => resolve(by)));
    assert.equal(signal, "SIGKILL");
  } else {
    strike = () => proxy.cut();
    isDone = await playScript(script).then(
      () => true,
      () => false,
    );
  }
  assert.ok(isDone || proxy.seen === strikeAt, `it died at ${proxy.seen}, not at ${strikeAt}`);
  await proxy.close();
  rmSync(folder, { recursive: true, force: true });
  await completeElsewhere({ holder, lease, settlement });
  return { isDone };
}

async function completeElsewhere(given: {
  readonly holder: TestHolder;
  readonly lease: WalletCall;
  readonly settlement: Settlement;
}): Promise<void> {
  const { holder, lease, settlement } = given;
  const { organisationId } = settlement;
  const { purchasedNanos: owned } = await readBalance(books, organisationId);
  assert.ok(owned === 1_000_000n || owned === 998_766n, `owned ${owned}`);
  await leaseWallet(books, lease);
  const message = { holder: holder.name, settlements: [settlement] };
  assert.deepEqual((await settle(books, message)).settled, [settlement.requestId]);
  await releaseLeases(books, { holder: holder.name, leaseIds: [holder.leaseId] });
  const { purchasedNanos, heldNanos } = await readBalance(books, organisationId);
  assert.deepEqual([purchasedNanos, heldNanos], [998_766n, 0n]);
}

test("a replica lost at any statement leaves the money where a repeated message completes it", async () => {
  let steps = 1;
  for (; ; steps += 1) {
    const kind = "connection";
    const lost = await crash({ kind, strikeAt: steps, isDelivered: false });
    const delivered = await crash({ kind, strikeAt: steps, isDelivered: true });
    if (lost.isDone && delivered.isDone) break;
  }
  assert.ok(steps > 25, `only ${steps} steps were seen`);
  assert.deepEqual((await verifyLedger(books)).problems, []);
});

test("kill -9 of a replica's process between its steps loses and doubles nothing", async () => {
  for (const strikeAt of [3, 9, 15, 16, 24, 29]) {
    const { isDone } = await crash({ kind: "process", strikeAt, isDelivered: strikeAt % 2 === 0 });
    assert.equal(isDone, false);
  }
  assert.deepEqual((await verifyLedger(books)).problems, []);
});

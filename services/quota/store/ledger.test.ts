import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { migrate, sql, transaction } from "@tandem/libs/store";
import { startTestPostgres, type TestPostgres } from "@tandem/libs/testing";
import {
  openTestBooks,
  organisationWith,
  type TestBooks,
  TestHolder,
} from "../testing/scenario.ts";
import type { NewTransfer } from "./ledger.ts";
import { migrations } from "./migrations.ts";
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
  await books.database.destroy();
  await postgres.stop();
});

async function corrupt(statement: string): Promise<void> {
  await sql
    .raw(`alter table transfers disable trigger all; ${statement};
    alter table transfers enable trigger all`)
    .execute(books.database);
}

function append(transfers: readonly NewTransfer[]): Promise<void> {
  const place = { stripe: 0, nowMs: books.nowMs };
  return transaction(books.database, (tx) => books.ledger.append(tx, place, transfers));
}

test("the schema goes forward, back and forward again", async () => {
  const own = openTestBooks(await postgres.createDatabase());
  await migrate(own.database, migrations);
  await migrate(own.database, migrations, { to: "none" });
  const { rows } = await sql<{ n: bigint }>`
    select count(*) as n from pg_tables where schemaname = 'public'
      and tablename not like 'kysely%'`.execute(own.database);
  assert.equal(rows[0]?.n, 0n);
  await migrate(own.database, migrations);
  await organisationWith(own, 5n);
  await own.database.destroy();
});

test("transfers and settlements are never changed, deleted or emptied", async () => {
  const organisationId = await organisationWith(books, 1_000n);
  const holder = new TestHolder(organisationId);
  await holder.call(books, { neededNanos: 100n });
  await settle(books, { holder: holder.name, settlements: [holder.settlement(10n)] });
  const attempts = [
    "update transfers set nanos = nanos + 1",
    "delete from transfers",
    "truncate transfers",
    "update settlements set charged_nanos = 0",
    "delete from settlements",
    "truncate settlements",
  ];
  for (const attempt of attempts) {
    await assert.rejects(sql.raw(attempt).execute(books.database), /never changed/);
  }
});

test("no account of a customer goes below zero, whatever is written", async () => {
  const organisationId = await organisationWith(books, 1_000n);
  const expense = append([
    {
      organisationId,
      debitAccount: `wallet:${organisationId}`,
      creditAccount: "platform:revenue:USD:00",
      nanos: 1_001n,
      kind: "settlement",
      reference: "req_1",
    },
  ]);
  await assert.rejects(expense, { reason: "store.violation" });
  assert.equal((await readBalance(books, organisationId)).purchasedNanos, 1_000n);
});

test("a transfer to an account that does not exist moves nothing", async () => {
  const organisationId = await organisationWith(books, 1_000n);
  const lost = append([
    {
      organisationId,
      debitAccount: `wallet:${organisationId}`,
      creditAccount: "hold:nowhere",
      nanos: 1n,
      kind: "lease",
      reference: "lse_1",
    },
  ]);
  await assert.rejects(lost, { reason: "store.violation" });
});

test("a ledger that is as it was written verifies, over days and stripes", async () => {
  for (let day = 0; day < 3; day += 1) {
    books.nowMs += 86_400_000;
    for (let index = 0; index < 20; index += 1) await organisationWith(books, 7n);
  }
  const report = await verifyLedger(books);
  assert.deepEqual(report.problems, []);
  assert.equal(report.sumNanos, 0n);
  assert.ok(report.transfers >= 60);
});

test("whoever tampers with the ledger is found out", async () => {
  const tampering: readonly [string, string, RegExp][] = [
    [
      "update transfers set nanos = nanos + 1 where kind = 'purchase' and position = 1",
      "update transfers set nanos = nanos - 1 where kind = 'purchase' and position = 1",
      /does not lead to its head/,
    ],
    [
      "update accounts set balance = balance + 5 where kind = 'wallet'",
      "update accounts set balance = balance - 5 where kind = 'wallet'",
      /its transfers say/,
    ],
    [
      "update lots set remaining_nanos = remaining_nanos - 1",
      "update lots set remaining_nanos = remaining_nanos + 1",
      /its uses leave/,
    ],
    [
      "create table gone as select * from transfers where day < (select max(day) from transfers); delete from transfers where day < (select max(day) from transfers)",
      "alter table transfers disable trigger all; insert into transfers select * from gone; drop table gone",
      /does not lead to its head/,
    ],
  ];
  for (const [damage, repair, finding] of tampering) {
    await corrupt(damage);
    const report = await verifyLedger(books);
    assert.ok(
      report.problems.some((problem) => finding.test(problem)),
      damage,
    );
    await corrupt(repair);
    assert.deepEqual((await verifyLedger(books)).problems, [], repair);
  }
});

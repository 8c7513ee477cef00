import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { sql } from "kysely";
import { Fault } from "../../kernel/index.ts";
import { createLog } from "../../telemetry/index.ts";
import { startTestPostgres, type TestPostgres } from "../../testing/index.ts";
import { realWorld } from "../../world/index.ts";
import { type Database, openDatabase } from "./database.ts";
import { type Migrations, migrate } from "./migrate.ts";

const world = realWorld();
const log = createLog({ level: "error", fields: {}, write: () => {} });
let postgres: TestPostgres;

before(async () => {
  postgres = await startTestPostgres();
});

after(() => postgres.stop());

async function withDatabase(run: (database: Database<unknown>, url: string) => Promise<void>) {
  const url = await postgres.createDatabase();
  const database = openDatabase<unknown>(url, { world, log, poolSize: 2 });
  await run(database, url).finally(() => database.destroy());
}

const table = (name: string) => ({
  up: async (db: Parameters<Migrations[string]["up"]>[0]) => {
    await sql`create table ${sql.id(name)} (id integer)`.execute(db);
  },
  down: async (db: Parameters<Migrations[string]["up"]>[0]) => {
    await sql`drop table ${sql.id(name)}`.execute(db);
  },
});
const one: Migrations = { "0001-one": table("one") };
const two: Migrations = { ...one, "0002-two": table("two") };

async function tables(database: Database<unknown>): Promise<string> {
  const { rows } = await sql<{ names: string | null }>`
    select string_agg(tablename, ' ' order by tablename) as names from pg_tables
    where schemaname = 'public' and tablename not like 'kysely%'`.execute(database);
  return rows[0]?.names ?? "";
}

async function reasonOf(promise: Promise<unknown>): Promise<string> {
  const error = await promise.then(
    () => assert.fail("it should fail"),
    (reason: unknown) => reason,
  );
  return Fault.is(error) ? error.reason : String(error);
}

test("goes forward to the newest, to a name and back, and again forward", () =>
  withDatabase(async (database) => {
    await migrate(database, two, { to: "0001-one" });
    assert.equal(await tables(database), "one");
    await migrate(database, two);
    await migrate(database, two);
    assert.equal(await tables(database), "one two");
    await migrate(database, two, { to: "0001-one" });
    assert.equal(await tables(database), "one");
    await migrate(database, two, { to: "none" });
    assert.equal(await tables(database), "");
    await migrate(database, two);
    assert.equal(await tables(database), "one two");
  }));

test("replicas that start together change the schema once", () =>
  withDatabase(async (database, url) => {
    let runs = 0;
    const slow: Migrations = {
      "0001-slow": {
        up: async (db) => {
          runs += 1;
          await sql`create table slow (id integer)`.execute(db);
          await sql`select pg_sleep(0.1)`.execute(db);
        },
      },
    };
    const others = [1, 2, 3].map(() => openDatabase<unknown>(url, { world, log, poolSize: 1 }));
    await Promise.all([database, ...others].map((each) => migrate(each, slow)));
    assert.equal(runs, 1);
    await Promise.all(others.map((each) => each.destroy()));
  }));

test("a step that fails leaves the schema as it was, and is named", () =>
  withDatabase(async (database) => {
    const wrong: Migrations = {
      ...two,
      "0003-wrong": { up: async (db) => void (await sql`select nothing`.execute(db)) },
    };
    const error = await migrate(database, wrong).catch((reason: unknown) => reason);
    assert.ok(Fault.is(error) && error.reason === "store.migration_failed");
    assert.equal(error.context["migration"], "0003-wrong");
    assert.equal(await tables(database), "");
    await migrate(database, two);
    assert.equal(await tables(database), "one two");
  }));

test("a step may take longer than a statement of a request", () =>
  withDatabase(async (_, url) => {
    const impatient = openDatabase<unknown>(url, {
      world,
      log,
      poolSize: 1,
      statementTimeoutMs: 50,
    });
    await migrate(impatient, {
      "0001-long": { up: async (db) => void (await sql`select pg_sleep(0.2)`.execute(db)) },
    });
    await impatient.destroy();
  }));

test("the version before starts on the schema of the version after, but not on a stranger's", () =>
  withDatabase(async (database) => {
    await migrate(database, two);
    await migrate(database, one);
    assert.equal(await tables(database), "one two");
    const stranger: Migrations = { ...one, "0002-other": table("other") };
    assert.equal(await reasonOf(migrate(database, stranger)), "store.migration_failed");
  }));

test("a database that is away is waited for, and not for ever", () =>
  withDatabase(async (database) => {
    await postgres.kill();
    assert.equal(await reasonOf(migrate(database, one, { waitMs: 100 })), "store.unavailable");
    const migrated = migrate(database, one);
    await postgres.start();
    await migrated;
    assert.equal(await tables(database), "one");
  }));

import assert from "node:assert/strict";
import { chmod, mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { Fault } from "@tandem/libs/kernel";
import { type Database, databaseUrlFor, openDatabase, sql } from "@tandem/libs/store";
import { createLog } from "@tandem/libs/telemetry";
import { realWorld } from "@tandem/libs/world";
import { type EmbeddedPostgres, startEmbeddedPostgres } from "./embedded-postgres.ts";
import { type ProvisionOptions, provisionDatabases } from "./provision.ts";

const world = realWorld();
const log = createLog({ level: "error", fields: {}, write: () => {} });
let root = "";
let server: EmbeddedPostgres;

before(async () => {
  root = await mkdtemp(join(tmpdir(), "tandem-provision-"));
  await chmod(root, 0o755);
  const directories = { dataDirectory: join(root, "data"), runDirectory: join(root, "run") };
  server = await startEmbeddedPostgres({ ...directories, world, log });
});

after(async () => {
  await server.stop();
  await rm(root, { recursive: true, force: true });
});

function options(file: string, unknownRoles: "reset" | "refuse" = "refuse"): ProvisionOptions {
  return { passwordsFile: join(root, `${file}.json`), unknownRoles, world, log };
}

function open(url: string): Database<unknown> {
  return openDatabase<unknown>(url, { world, log, poolSize: 1 });
}

/** Runs one statement as whoever the URL names. */
async function run(url: string, statement: string): Promise<void> {
  const database = open(url);
  await sql
    .raw(statement)
    .execute(database)
    .finally(() => database.destroy());
}

function isFault(reason: string) {
  return (error: unknown) => Fault.is(error) && error.reason === reason;
}

test("each service owns its database and cannot enter another's", async () => {
  const urls = await provisionDatabases(server.adminUrl, ["auth", "users"], options("own"));
  const auth = urls.get("auth") ?? "";
  await run(auth, "create table t (n integer)");
  await run(auth, "create extension pg_trgm");
  const intruder = auth.replace("/tandem_auth?", "/tandem_users?");
  await assert.rejects(run(intruder, "select 1"), isFault("store.misconfigured"));
  await assert.rejects(run(auth, "create database other"), isFault("store.misconfigured"));
  assert.equal((await stat(join(root, "own.json"))).mode & 0o777, 0o600);
});

test("doing it again changes nothing and adds what is new", async () => {
  const first = await provisionDatabases(server.adminUrl, ["a"], options("again"));
  await run(first.get("a") ?? "", "create table kept (n integer)");
  const second = await provisionDatabases(server.adminUrl, ["a", "b"], options("again"));
  assert.equal(second.get("a"), first.get("a"));
  await run(second.get("a") ?? "", "select * from kept");
  await run(second.get("b") ?? "", "select 1");
});

test("several who do it at once agree", async () => {
  const names = ["p", "q", "r"];
  const all = await Promise.all(
    [1, 2, 3].map(() => provisionDatabases(server.adminUrl, names, options("together"))),
  );
  assert.deepEqual(all[1], all[0]);
  assert.deepEqual(all[2], all[0]);
  await run(all[0]?.get("q") ?? "", "select 1");
});

test("a lost passwords file is remade for our server, and refused for yours", async () => {
  const before = await provisionDatabases(server.adminUrl, ["lost"], options("lost"));
  await rm(join(root, "lost.json"));
  await assert.rejects(
    provisionDatabases(server.adminUrl, ["lost"], options("lost")),
    isFault("postgres.role_unknown"),
  );
  const after = await provisionDatabases(server.adminUrl, ["lost"], options("lost", "reset"));
  await run(after.get("lost") ?? "", "select 1");
  await assert.rejects(run(before.get("lost") ?? "", "select 1"), isFault("store.misconfigured"));
});

test("a damaged passwords file is said without quoting it", async () => {
  await writeFile(join(root, "damaged.json"), '{"a":"hidden-word');
  await assert.rejects(
    provisionDatabases(server.adminUrl, ["d"], options("damaged")),
    (error) =>
      isFault("postgres.passwords_unreadable")(error) &&
      error instanceof Error &&
      !error.message.includes("hidden-word"),
  );
});

test("an account that may create databases and roles is enough, another is told so", async () => {
  const account = (user: string) =>
    databaseUrlFor(server.adminUrl, { user, password: "word", database: "postgres" });
  await run(server.adminUrl, "create role maker login createdb createrole password 'word'");
  await run(server.adminUrl, "create role plain login password 'word'");
  const urls = await provisionDatabases(account("maker"), ["made"], options("maker"));
  await run(urls.get("made") ?? "", "create table t (n integer)");
  await assert.rejects(
    provisionDatabases(account("plain"), ["refused"], options("plain")),
    isFault("postgres.provisioning_refused"),
  );
});

test("a server that is away is said within the time to wait for it", async () => {
  const away = `postgres://u:p@/postgres?host=${encodeURIComponent(root)}&port=5432`;
  const impatient = { ...options("away"), patienceMs: 100 };
  await assert.rejects(provisionDatabases(away, ["x"], impatient), isFault("store.unavailable"));
});

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, chown, mkdir, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after, before, test } from "node:test";
import { Fault } from "@tandem/libs/kernel";
import { type Database, openDatabase, sql } from "@tandem/libs/store";
import { createLog } from "@tandem/libs/telemetry";
import { realWorld, sleep } from "@tandem/libs/world";
import { type EmbeddedPostgres, startEmbeddedPostgres } from "./embedded-postgres.ts";
import { findOnPath } from "./identity.ts";
import { isAlive } from "./postmaster-file.ts";

const world = realWorld();
const lines: string[] = [];
const log = createLog({ level: "debug", fields: {}, write: (line) => lines.push(line) });
const isRoot = process.getuid?.() === 0;
const nobody = 65_534;
let root = "";

before(async () => {
  root = await mkdtemp(join(tmpdir(), "tandem-pg-"));
  // Made for its owner alone; the server may run as another user.
  await chmod(root, 0o755);
});

after(() => rm(root, { recursive: true, force: true }));

function directories(name: string) {
  return { dataDirectory: join(root, name, "data"), runDirectory: join(root, name, "run") };
}

function start(name: string): Promise<EmbeddedPostgres> {
  return startEmbeddedPostgres({ ...directories(name), world, log });
}

function open(url: string): Database<unknown> {
  return openDatabase<unknown>(url, { world, log, poolSize: 4 });
}

async function rowsOf(url: string): Promise<number> {
  const database = open(url);
  const { rows } = await sql<{ n: bigint }>`select count(*) as n from kept`.execute(database);
  await database.destroy();
  return Number(rows[0]?.n);
}

async function makeTable(url: string): Promise<void> {
  const database = open(url);
  await sql`create table kept (n integer primary key)`.execute(database);
  await sql`insert into kept values (1)`.execute(database);
  await database.destroy();
}

test("is reached by socket and password only, and keeps its data across a stop", async () => {
  const first = await start("kept");
  await makeTable(first.adminUrl);
  const database = open(first.adminUrl);
  const { rows } = await sql<{ listen: string; checksums: string; fsync: string }>`
    select current_setting('listen_addresses') as listen,
      current_setting('data_checksums') as checksums, current_setting('fsync') as fsync
    `.execute(database);
  assert.deepEqual(rows, [{ listen: "", checksums: "on", fsync: "on" }]);
  await database.destroy();
  const stranger = open(first.adminUrl.replace(/tandem:[^@]+@/, "tandem:wrong@"));
  await assert.rejects(
    sql`select 1`.execute(stranger),
    (error) => Fault.is(error) && error.reason === "store.misconfigured",
  );
  await stranger.destroy();
  await first.stop();
  assert.equal(isAlive(first.pid), false);
  const { mode } = await stat(join(root, "kept", "data", "superuser-password"));
  assert.equal(mode & 0o777, 0o600);
  const second = await start("kept");
  assert.equal(second.adminUrl, first.adminUrl);
  assert.equal(await rowsOf(second.adminUrl), 1);
  await second.stop();
});

test("kill -9 under four writers loses no acknowledged row, and all go on", async () => {
  const server = await start("killed");
  const exits: string[] = [];
  server.onExit(({ reason }) => exits.push(reason));
  const database = open(server.adminUrl);
  await sql`create table kept (n integer primary key)`.execute(database);
  const acknowledged: number[] = [];
  let next = 0;
  let isDone: boolean = false;
  const write = async (): Promise<void> => {
    while (!isDone) {
      next += 1;
      const n = next;
      await sql`insert into kept values (${n})`.execute(database).then(
        () => acknowledged.push(n),
        (error: unknown) => assert.ok(Fault.is(error), String(error)),
      );
    }
  };
  const writers = Promise.all([write(), write(), write(), write()]);
  for (let round = 0; round < 3; round += 1) {
    const goal = acknowledged.length + 200;
    while (acknowledged.length < goal) await sleep(world, 1);
    const before = acknowledged.length;
    const killedMs = world.clock.monotonicMs();
    process.kill(server.pid, "SIGKILL");
    while (exits.length <= round || acknowledged.length < before + 20) await sleep(world, 1);
    const backMs = world.clock.monotonicMs() - killedMs;
    assert.ok(backMs < 3000, `writing again after ${backMs} ms`);
  }
  isDone = true;
  await writers;
  const { rows } = await sql<{ n: number }>`select n from kept`.execute(database);
  const kept = new Set(rows.map(({ n }) => n));
  const lost = acknowledged.filter((n) => !kept.has(n));
  assert.deepEqual(lost, []);
  assert.ok(acknowledged.length > 600);
  assert.deepEqual(exits, ["SIGKILL", "SIGKILL", "SIGKILL"]);
  await database.destroy();
  await server.stop();
});

test("a note of a killed server, whose number is somebody else's now, hinders nobody", async () => {
  const first = await start("stale");
  await makeTable(first.adminUrl);
  const cluster = join(root, "stale", "data", "cluster");
  const note = await readFile(join(cluster, "postmaster.pid"), "utf8");
  await first.stop();
  await writeFile(join(cluster, "postmaster.pid"), note.replace(/^[0-9]+/, String(process.pid)));
  const second = await start("stale");
  assert.equal(second.isAdopted, false);
  assert.equal(await rowsOf(second.adminUrl), 1);
  await second.stop();
});

test("a kill in the middle of making the data directory costs a new attempt only", async () => {
  const half = join(root, "half", "data", "cluster.new");
  await mkdir(join(half, "base"), { recursive: true });
  await writeFile(join(half, "PG_VERSION"), "18\n");
  const server = await start("half");
  await makeTable(server.adminUrl);
  await server.stop();
});

test("takes over a server that runs already, and starts it again when that ends", async () => {
  const first = await start("adopted");
  await makeTable(first.adminUrl);
  const second = await start("adopted");
  assert.equal(second.isAdopted, true);
  assert.equal(second.pid, first.pid);
  const ended = new Promise((resolve) => second.onExit(resolve));
  await first.stop();
  await ended;
  while (second.pid === first.pid) await sleep(world, 5);
  assert.equal(await rowsOf(second.adminUrl), 1);
  await second.stop();
});

const setpriv = findOnPath(world, "setpriv");

/** Starts the fixture in a process of its own; resolves with what it printed. */
async function startElsewhere(name: string, prefix: readonly string[] = []) {
  const { dataDirectory, runDirectory } = directories(name);
  const script = join(import.meta.dirname, "launcher.fixture.ts");
  const words = [...prefix, process.execPath, script, dataDirectory, runDirectory];
  const [file = "", ...args] = words;
  const child = spawn(file, args, { stdio: ["ignore", "pipe", "inherit"] });
  const [line] = (await once(createInterface({ input: child.stdout }), "line")) as [string];
  const [pid = "", url = ""] = line.split(" ");
  return { child, pid: Number(pid), url };
}

test("is not orphaned: it stops cleanly when its starter is killed", {
  skip: !setpriv,
}, async () => {
  const { child, pid, url } = await startElsewhere("orphan");
  await makeTable(url);
  child.kill("SIGKILL");
  const giveUpAtMs = world.clock.monotonicMs() + 10_000;
  while (isAlive(pid) && world.clock.monotonicMs() < giveUpAtMs) await sleep(world, 20);
  assert.equal(isAlive(pid), false);
  // The next one finds a clean end, or waits for it: either way the rows.
  const next = await start("orphan");
  assert.equal(await rowsOf(next.adminUrl), 1);
  await next.stop();
});

test("runs as an ordinary user", { skip: !isRoot || !setpriv }, async () => {
  await mkdir(join(root, "ordinary"));
  await chown(join(root, "ordinary"), nobody, nobody);
  const ids = [`--reuid=${nobody}`, `--regid=${nobody}`, "--clear-groups", "--"];
  const { child, url } = await startElsewhere("ordinary", [setpriv ?? "", ...ids]);
  await makeTable(url);
  const { uid } = await stat(join(root, "ordinary", "data", "cluster", "PG_VERSION"));
  assert.equal(uid, nobody);
  child.kill("SIGTERM");
  await once(child, "exit");
});

test("as root, below a directory closed to others, its files stay root's", {
  skip: !isRoot,
}, async () => {
  const { dataDirectory, runDirectory } = directories("closed");
  await mkdir(dataDirectory, { recursive: true });
  await chmod(join(root, "closed"), 0o700);
  const server = await startEmbeddedPostgres({ dataDirectory, runDirectory, world, log });
  await makeTable(server.adminUrl);
  const versionFile = join(dataDirectory, "cluster", "PG_VERSION");
  assert.equal((await stat(versionFile)).uid, 0);
  await server.stop();
  // The same data once others may pass: now as nobody, whose the files become.
  await chmod(join(root, "closed"), 0o755);
  const again = await start("closed");
  assert.equal((await stat(versionFile)).uid, nobody);
  assert.equal(await rowsOf(again.adminUrl), 1);
  await again.stop();
});

test("a socket path that the system cannot hold is said before anything is made", async () => {
  const runDirectory = join(root, "x".repeat(90));
  const { dataDirectory } = directories("long");
  await assert.rejects(
    startEmbeddedPostgres({ dataDirectory, runDirectory, world, log }),
    (error) => Fault.is(error) && error.reason === "postgres.socket_path_too_long",
  );
  await assert.rejects(stat(dataDirectory));
});

test("no password, and no statement with its values, is in what is logged", async () => {
  lines.length = 0;
  const server = await start("secret");
  const database = open(server.adminUrl);
  await sql`create role someone password ${sql.lit("s3cret-word")}`.execute(database);
  await sql`create role someone password ${sql.lit("s3cret-word")}`
    .execute(database)
    .catch(() => {});
  await sql`select ${"private-value"}::integer`.execute(database).catch(() => {});
  await database.destroy();
  await server.stop();
  const password = await readFile(join(root, "secret", "data", "superuser-password"), "utf8");
  for (const secret of ["s3cret-word", "private-value", password.trim()]) {
    assert.ok(!lines.some((line) => line.includes(secret)));
  }
});

import assert from "node:assert/strict";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { sql } from "kysely";
import { Fault } from "../../kernel/index.ts";
import { createLog } from "../../telemetry/index.ts";
import { startTestPostgres, type TestPostgres } from "../../testing/index.ts";
import { realWorld, sleep } from "../../world/index.ts";
import { type Database, type DatabaseOptions, openDatabase, transaction } from "./database.ts";
import { isConflict } from "./database-faults.ts";

const world = realWorld();
const log = createLog({ level: "error", fields: {}, write: () => {} });
let postgres: TestPostgres;
let url = "";

interface Schema {
  readonly account: {
    readonly id: number;
    readonly balance: bigint;
    readonly owner: string | null;
  };
}

before(async () => {
  postgres = await startTestPostgres();
  url = await postgres.createDatabase();
  const database = open();
  await sql`create table account (
    id integer primary key, balance bigint not null check (balance >= 0), owner text unique
  )`.execute(database);
  await database.destroy();
});

after(() => postgres.stop());

function open(options: Partial<DatabaseOptions> = {}): Database<Schema> {
  return openDatabase<Schema>(url, { world, log, poolSize: 4, ...options });
}

/** Kills the server, and lets this process read that its connections ended. */
async function killed(): Promise<void> {
  await postgres.kill();
  await endsAreRead();
}

/** What had reached this process's sockets when it was called is read. */
async function endsAreRead(): Promise<void> {
  for (let turn = 0; turn < 3; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

async function faultOf(promise: Promise<unknown>): Promise<Fault> {
  const error = await promise.then(
    () => assert.fail("it should fail"),
    (reason: unknown) => reason,
  );
  assert.ok(Fault.is(error), String(error));
  return error;
}

function using(
  guarantee: string,
  run: (database: Database<Schema>) => Promise<void>,
  options: Partial<DatabaseOptions> = {},
): void {
  test(guarantee, async () => {
    const database = open(options);
    try {
      await database.deleteFrom("account").execute();
      await run(database);
    } finally {
      await database.destroy();
    }
  });
}

using("money comes back as bigint, exact beyond 2^53", async (database) => {
  const balance = 9_007_199_254_740_993n;
  await database.insertInto("account").values({ id: 1, balance, owner: null }).execute();
  const row = await database.selectFrom("account").selectAll().executeTakeFirstOrThrow();
  assert.deepEqual(row, { id: 1, balance, owner: null });
});

using("a refused row is a fault that names the rule and quotes nobody's data", async (database) => {
  const insert = (id: number, balance: bigint, owner: string) =>
    database.insertInto("account").values({ id, balance, owner }).execute();
  await insert(1, 0n, "secret@example.org");
  const conflict = await faultOf(insert(2, 0n, "secret@example.org"));
  assert.equal(conflict.reason, "store.conflict");
  assert.ok(isConflict(conflict, "account_owner_key"));
  assert.ok(!isConflict(conflict, "account_pkey"));
  assert.ok(!`${conflict.message} ${conflict.publicMessage}`.includes("secret@"));
  const violation = await faultOf(insert(3, -1n, "other"));
  assert.equal(violation.reason, "store.violation");
  assert.equal(violation.context["constraint"], "account_balance_check");
  assert.equal((await faultOf(insert(4, 0n, "nul \0"))).reason, "store.unstorable");
});

using("wrong SQL is a bug of ours and no fault of the store", async (database) => {
  const error = await sql`select nothing`.execute(database).catch((reason: unknown) => reason);
  assert.ok(error instanceof Error && !Fault.is(error));
});

using(
  "a statement that takes too long is ended by the server, and its connection serves on",
  async (database) => {
    const fault = await faultOf(sql`select pg_sleep(10)`.execute(database));
    assert.equal(fault.reason, "store.timeout");
    await sql`select 1`.execute(database);
  },
  { statementTimeoutMs: 100, poolSize: 1 },
);

using(
  "transactions that contradict are run again until both have their effect",
  async (database) => {
    await database.insertInto("account").values({ id: 1, balance: 0n, owner: null }).execute();
    const add = () =>
      transaction(
        database,
        async (tx) => {
          const row = await tx.selectFrom("account").selectAll().executeTakeFirstOrThrow();
          await tx
            .updateTable("account")
            .set({ balance: row.balance + 1n })
            .execute();
        },
        { isolation: "serializable", attemptsMax: 50 },
      );
    await Promise.all(Array.from({ length: 8 }, add));
    const row = await database.selectFrom("account").selectAll().executeTakeFirstOrThrow();
    assert.equal(row.balance, 8n);
  },
);

using("a transaction that throws leaves nothing", async (database) => {
  const failing = transaction(database, async (tx) => {
    await tx.insertInto("account").values({ id: 1, balance: 0n, owner: null }).execute();
    throw new Error("no");
  });
  await assert.rejects(failing, /no/);
  assert.deepEqual(await database.selectFrom("account").selectAll().execute(), []);
});

using(
  "callers beyond the queue's bound are refused at once, those in it are served",
  async (database) => {
    const slow = () => sql`select pg_sleep(0.05)`.execute(database).then(() => "served");
    const results = await Promise.all(
      Array.from({ length: 12 }, () => slow().catch((error: Fault) => error.reason)),
    );
    const served = results.filter((result) => result === "served").length;
    assert.equal(served, 5, `${results}`);
    assert.equal(results.filter((result) => result === "store.overloaded").length, 7);
  },
  { poolSize: 1, waitingMax: 4 },
);

using("a schema change does not fail those who prepared for the old one", async (database) => {
  const all = () => database.selectFrom("account").selectAll().where("id", "=", 1).execute();
  await database.insertInto("account").values({ id: 1, balance: 0n, owner: null }).execute();
  for (let round = 0; round < 4; round += 1) await all();
  const other = open();
  await sql`alter table account add column note text default 'new'`.execute(other);
  assert.deepEqual(await all(), [{ id: 1, balance: 0n, owner: null, note: "new" }]);
  for (let round = 0; round < 4; round += 1) await all();
  await sql`alter table account drop column note`.execute(other);
  const [row] = await transaction(database, (tx) =>
    tx.selectFrom("account").selectAll().where("id", "=", 1).execute(),
  );
  assert.deepEqual(row, { id: 1, balance: 0n, owner: null });
  await other.destroy();
});

using("of connections that the server ends only one in use harms its call", async (database) => {
  const failed = faultOf(sql`select pg_sleep(30)`.execute(database));
  await Promise.all([1, 2, 3].map(() => sql`select 1`.execute(database)));
  const admin = open({ poolSize: 1 });
  // Waits until they are gone.
  const { rows } = await sql`
    select pg_terminate_backend(pid, 10000) from pg_stat_activity
    where application_name = 'tandem' and pid <> pg_backend_pid()
      and datname = current_database()`.execute(admin);
  assert.equal(rows.length, 4);
  await endsAreRead();
  assert.equal((await failed).reason, "store.outcome_unknown");
  for (let round = 0; round < 8; round += 1) await sql`select 1`.execute(database);
  await admin.destroy();
});

using(
  "a connection that falls silent is given up, and nobody else gets it",
  async (database) => {
    const { rows } = await sql<{ pid: number }>`select pg_backend_pid() as pid`.execute(database);
    const pid = rows[0]?.pid ?? 0;
    process.kill(pid, "SIGSTOP");
    try {
      const fault = await faultOf(sql`select 1`.execute(database));
      assert.equal(fault.reason, "store.outcome_unknown");
      await sql`select 1`.execute(database);
    } finally {
      process.kill(pid, "SIGCONT");
    }
  },
  { poolSize: 1, statementTimeoutMs: 50 },
);

using(
  "calls made while the server restarts wait for it instead of failing",
  async (database) => {
    await killed();
    const waiting = Promise.all(
      Array.from({ length: 50 }, (_, id) =>
        database.insertInto("account").values({ id, balance: 1n, owner: null }).execute(),
      ),
    );
    await postgres.start();
    await waiting;
    assert.equal(database.isReachable, true);
    const { rows } = await sql<{ count: bigint }>`
      select count(*) from pg_stat_activity where application_name = 'tandem'`.execute(database);
    assert.ok((rows[0]?.count ?? 99n) <= 4n, `${rows[0]?.count} connections`);
  },
  { patienceMs: 20_000 },
);

using(
  "once a server has been away for long, calls fail at once until it is back",
  async (database) => {
    await sql`select 1`.execute(database);
    await killed();
    const first = await faultOf(sql`select 1`.execute(database));
    assert.equal(first.reason, "store.unavailable");
    while (database.isReachable) await sleep(world, 10);
    await faultOf(sql`select 1`.execute(database));
    const startedMs = world.clock.monotonicMs();
    assert.equal((await faultOf(sql`select 1`.execute(database))).reason, "store.unavailable");
    assert.ok(world.clock.monotonicMs() - startedMs < 50);
    await postgres.start();
    const readyMs = world.clock.monotonicMs();
    while (
      !(await sql`select 1`.execute(database).then(
        () => true,
        () => false,
      ))
    ) {
      await sleep(world, 5);
    }
    const backMs = world.clock.monotonicMs() - readyMs;
    assert.ok(backMs < 1000, `back ${backMs} ms after the server`);
  },
  { patienceMs: 100 },
);

test("a server that is away is probed by one, however many call", async () => {
  const directory = mkdtempSync(join(tmpdir(), "tandem-away-"));
  let attempts = 0;
  const server = createServer((socket) => {
    attempts += 1;
    socket.destroy();
  });
  await new Promise<void>((resolve) => {
    server.listen(join(directory, ".s.PGSQL.5432"), resolve);
  });
  const away = `postgres://u:p@/d?host=${encodeURIComponent(directory)}&port=5432`;
  const database = openDatabase<unknown>(away, { world, log, poolSize: 8, patienceMs: 600 });
  const calls = await Promise.all(
    Array.from({ length: 300 }, () => faultOf(sql`select 1`.execute(database))),
  );
  assert.ok(calls.every(({ reason }) => reason === "store.unavailable"));
  // 8 at the first moment, then 20, 40, 80 … ms apart.
  assert.ok(attempts >= 3 && attempts <= 20, `${attempts} attempts`);
  await database.destroy();
  assert.equal((await faultOf(sql`select 1`.execute(database))).reason, "store.closed");
  server.close();
  rmSync(directory, { recursive: true });
  assert.ok(!existsSync(directory));
});

test("a wrong password, or a database that is not there, is said and not waited for", async () => {
  const wrong = openDatabase<unknown>(url.replace("/test_1", "/nowhere"), {
    world,
    log,
    poolSize: 1,
  });
  try {
    const fault = await faultOf(sql`select 1`.execute(wrong));
    assert.equal(fault.reason, "store.misconfigured");
  } finally {
    await wrong.destroy();
  }
});

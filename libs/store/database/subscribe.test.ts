import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { sql } from "kysely";
import { createLog } from "../../telemetry/index.ts";
import { startTestPostgres, type TestPostgres } from "../../testing/index.ts";
import { realWorld, sleep } from "../../world/index.ts";
import { openDatabase, transaction } from "./database.ts";
import { notify, subscribe } from "./subscribe.ts";

const world = realWorld();
const log = createLog({ level: "error", fields: {}, write: () => {} });
let postgres: TestPostgres;
let url = "";

before(async () => {
  postgres = await startTestPostgres();
  url = await postgres.createDatabase();
});

after(() => postgres.stop());

async function until(what: () => boolean): Promise<void> {
  const giveUpAtMs = world.clock.monotonicMs() + 10_000;
  while (!what()) {
    assert.ok(world.clock.monotonicMs() < giveUpAtMs, "did not come true within 10 s");
    await sleep(world, 5);
  }
}

/** A listener that keeps what it heard. */
function listen(channel: string, onReconnect: () => Promise<void> | void = () => {}) {
  const heard: string[] = [];
  const subscription = subscribe(url, channel, (payload) => heard.push(payload), {
    world,
    log,
    onReconnect: async () => {
      heard.push("reconnect");
      await onReconnect();
    },
  });
  return { heard, subscription };
}

test("hears what was committed, in order, and nothing of what was rolled back", async () => {
  const database = openDatabase<unknown>(url, { world, log, poolSize: 2 });
  const { heard, subscription } = listen('odd "channel"');
  await until(() => subscription.isListening);
  await notify(database, 'odd "channel"', "1");
  await transaction(database, async (tx) => {
    await notify(tx, 'odd "channel"', "lost");
    throw new Error("no");
  }).catch(() => {});
  await transaction(database, (tx) => notify(tx, 'odd "channel"', "2"));
  await notify(database, "another", "3");
  await notify(database, 'odd "channel"', "4");
  await until(() => heard.includes("4"));
  assert.deepEqual(heard, ["reconnect", "1", "2", "4"]);
  await subscription.close();
  await database.destroy();
});

test("connects again after the server was killed, and says so before it hears on", async () => {
  const { heard, subscription } = listen("news");
  await until(() => subscription.isListening);
  await postgres.kill();
  await until(() => !subscription.isListening);
  await postgres.start();
  await until(() => subscription.isListening);
  const database = openDatabase<unknown>(url, { world, log, poolSize: 1 });
  await notify(database, "news", "after");
  await until(() => heard.includes("after"));
  assert.deepEqual(heard, ["reconnect", "reconnect", "after"]);
  await subscription.close();
  await database.destroy();
});

test("re-reading that fails is asked for again until it has succeeded", async () => {
  let tries = 0;
  const { heard, subscription } = listen("retried", () => {
    tries += 1;
    if (tries < 3) throw new Error("the database is busy");
  });
  await until(() => subscription.isListening);
  assert.deepEqual(heard, ["reconnect", "reconnect", "reconnect"]);
  await subscription.close();
});

test("a connection that falls silent is found and replaced", async () => {
  const database = openDatabase<unknown>(url, { world, log, poolSize: 1 });
  const { heard, subscription } = listen("silent");
  await until(() => subscription.isListening);
  const { rows } = await sql<{ pid: number }>`
    select pid from pg_stat_activity where application_name like '%silent'`.execute(database);
  const pid = rows[0]?.pid ?? 0;
  process.kill(pid, "SIGSTOP");
  try {
    await until(() => heard.length === 2);
    await notify(database, "silent", "heard");
    await until(() => heard.includes("heard"));
  } finally {
    process.kill(pid, "SIGCONT");
  }
  await subscription.close();
  await database.destroy();
});

test("a closed subscription hears nothing more and leaves no connection", async () => {
  const database = openDatabase<unknown>(url, { world, log, poolSize: 1 });
  const { heard, subscription } = listen("closed");
  await until(() => subscription.isListening);
  await subscription.close();
  await notify(database, "closed", "late");
  const left = async () => {
    const { rows } = await sql<{ count: bigint }>`
      select count(*) from pg_stat_activity where application_name like '%closed'`.execute(
      database,
    );
    return rows[0]?.count;
  };
  while ((await left()) !== 0n) await sleep(world, 5);
  assert.deepEqual(heard, ["reconnect"]);
  await database.destroy();
});

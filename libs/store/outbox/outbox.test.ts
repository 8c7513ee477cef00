import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { sql } from "kysely";
import { Fault } from "../../kernel/index.ts";
import { createLog } from "../../telemetry/index.ts";
import { startTestPostgres, type TestPostgres } from "../../testing/index.ts";
import { newId, realWorld, sleep } from "../../world/index.ts";
import { type Database, openDatabase, transaction } from "../database/database.ts";
import { isConflict } from "../database/database-faults.ts";
import { migrate } from "../database/migrate.ts";
import {
  discardParked,
  enqueueEvent,
  type OutboxEvent,
  outboxStatus,
  parkedEvents,
  pruneInbox,
  recordOnce,
  replayParked,
} from "./outbox.ts";
import { type Relay, type RelayOptions, startRelay } from "./relay.ts";
import { outboxMigration } from "./schema.ts";

const world = realWorld();
const log = createLog({ level: "error", fields: {}, write: () => {} });
let postgres: TestPostgres;

before(async () => {
  postgres = await startTestPostgres();
});

after(() => postgres.stop());

interface House {
  readonly database: Database<unknown>;
  readonly relay: (deliver: RelayOptions["deliver"], more?: Partial<RelayOptions>) => Relay;
}

/** A database with the tables, and relays that end with the test. */
async function withHouse(run: (house: House) => Promise<void>): Promise<void> {
  const url = await postgres.createDatabase();
  const database = openDatabase<unknown>(url, { world, log, poolSize: 8, patienceMs: 10_000 });
  const relays: Relay[] = [];
  try {
    await migrate(database, { "0001-outbox": outboxMigration });
    await run({
      database,
      relay: (deliver, more = {}) => {
        const relay = startRelay(database, { world, log, deliver, pollMs: 20, ...more });
        relays.push(relay);
        return relay;
      },
    });
  } finally {
    await Promise.all(relays.map((relay) => relay.close()));
    await database.destroy();
  }
}

function newEvent(text = "payload"): OutboxEvent {
  return { id: newId(world, "evt"), topic: "orders.paid.v1", payload: Buffer.from(text) };
}

async function until(what: () => boolean | Promise<boolean>): Promise<void> {
  const giveUpAtMs = world.clock.monotonicMs() + 15_000;
  while (!(await what())) {
    assert.ok(world.clock.monotonicMs() < giveUpAtMs, "did not come true within 15 s");
    await sleep(world, 5);
  }
}

const isEmpty = async (database: Database<unknown>) => (await outboxStatus(database)).pending === 0;

test("an event leaves if and only if its transaction committed", () =>
  withHouse(async ({ database, relay }) => {
    const seen: OutboxEvent[] = [];
    const event = newEvent("\0 bytes");
    await transaction(database, async (tx) => {
      await enqueueEvent(tx, newEvent());
      throw new Error("no");
    }).catch(() => {});
    await transaction(database, (tx) => enqueueEvent(tx, event));
    const again = await enqueueEvent(database, event).catch((error: unknown) => error);
    assert.ok(isConflict(again, "outbox_event_id_key"));
    relay(async (each) => void seen.push(each));
    await until(() => isEmpty(database));
    assert.deepEqual(seen, [event]);
  }));

test("relays of several replicas deliver each event, none of them at the same time", () =>
  withHouse(async ({ database, relay }) => {
    const events = Array.from({ length: 200 }, (_, index) => newEvent(`${index}`));
    for (const event of events) await enqueueEvent(database, event);
    const counts = new Map<string, number>();
    const deliver = async ({ id }: OutboxEvent) => {
      counts.set(id, (counts.get(id) ?? 0) + 1);
      await sleep(world, 1);
    };
    for (let index = 0; index < 3; index += 1) relay(deliver);
    await until(() => isEmpty(database));
    assert.equal(counts.size, 200);
    assert.ok([...counts.values()].every((count) => count === 1));
  }));

test("an event whose consumer fails is tried ten times, parked, shown, and replayed", () =>
  withHouse(async ({ database, relay }) => {
    const bad = newEvent("bad");
    const good = newEvent("good");
    let isMended = false;
    let tries = 0;
    const delivered: string[] = [];
    await enqueueEvent(database, bad);
    await enqueueEvent(database, good);
    const running = relay(
      async (event) => {
        if (event.id === bad.id) tries += 1;
        if (event.id === bad.id && !isMended) throw new Error("consumer says no");
        delivered.push(event.id);
      },
      { retryMs: 1 },
    );
    await until(async () => (await outboxStatus(database)).parked === 1);
    assert.equal(tries, 10);
    assert.deepEqual(delivered, [good.id]);
    const [parked] = await parkedEvents(database, 10);
    assert.equal(parked?.id, bad.id);
    assert.equal(parked.lastError, "consumer says no");
    assert.equal(parked.attempts, 10);
    isMended = true;
    assert.equal(await replayParked(database, ["evt_other"]), 0);
    assert.equal(await replayParked(database), 1);
    running.wake();
    await until(() => delivered.length === 2);
    assert.equal((await outboxStatus(database)).parked, 0);
  }));

test("a consumer that is away for long parks nothing: its events wait and arrive", () =>
  withHouse(async ({ database, relay }) => {
    const event = newEvent();
    await enqueueEvent(database, event);
    let tries = 0;
    const delivered: string[] = [];
    relay(
      async ({ id }) => {
        tries += 1;
        if (tries <= 25) {
          throw new Fault({ code: "unavailable", reason: "test.away", publicMessage: "away" });
        }
        delivered.push(id);
      },
      { retryMs: 1 },
    );
    await until(() => isEmpty(database));
    assert.deepEqual(delivered, [event.id]);
    assert.equal(tries, 26);
  }));

test("an event that kills its relay is parked as well", () =>
  withHouse(async ({ database, relay }) => {
    const event = newEvent();
    await enqueueEvent(database, event);
    await sql`update outbox set attempts = 10`.execute(database);
    relay(() => assert.fail("it is not carried an eleventh time"));
    await until(async () => (await outboxStatus(database)).parked === 1);
    assert.equal(await discardParked(database, [event.id]), 1);
    assert.deepEqual(await parkedEvents(database, 10), []);
  }));

test("a claim that its relay did not finish is taken over when it has expired", () =>
  withHouse(async ({ database, relay }) => {
    const seen: string[] = [];
    await enqueueEvent(database, newEvent());
    let release = (): void => {};
    const hanging = new Promise<void>((resolve) => {
      release = resolve;
    });
    relay(
      async () => {
        seen.push("hanging");
        await hanging;
      },
      { claimMs: 200 },
    );
    await until(() => seen.length === 1);
    relay(async () => void seen.push("second"), { claimMs: 200 });
    await until(() => seen.includes("second"));
    release();
    await until(() => isEmpty(database));
    assert.deepEqual(seen, ["hanging", "second"]);
  }));

test("killing the database in the middle loses no event", () =>
  withHouse(async ({ database, relay }) => {
    const events = Array.from({ length: 300 }, () => newEvent());
    for (const event of events) await enqueueEvent(database, event);
    const seen = new Set<string>();
    relay(
      async ({ id }) => {
        seen.add(id);
        await sleep(world, 2);
      },
      { claimMs: 500, concurrency: 8 },
    );
    await until(() => seen.size > 50);
    await postgres.kill();
    await postgres.start();
    await until(async () => seen.size === 300 && (await isEmpty(database)));
  }));

test("a consumer's effect happens once, however often and at once an event comes", () =>
  withHouse(async ({ database }) => {
    await sql`create table effect (n integer)`.execute(database);
    const event = newEvent();
    let failures = 2;
    const consume = () =>
      transaction(database, async (tx) => {
        const isFirst = await recordOnce(tx, "wallet", event.id);
        if (!isFirst) return;
        await sql`insert into effect values (1)`.execute(tx);
        failures -= 1;
        if (failures >= 0) throw new Error("crash before the commit");
      });
    await Promise.allSettled(Array.from({ length: 20 }, consume));
    const { rows } = await sql<{ count: bigint }>`select count(*) from effect`.execute(database);
    assert.equal(rows[0]?.count, 1n);
    assert.equal(await recordOnce(database, "other consumer", event.id), true);
    assert.equal(await pruneInbox(database, 60_000), 0);
    assert.equal(await pruneInbox(database, 0), 2);
  }));

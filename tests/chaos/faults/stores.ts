/** F07 to F11: PostgreSQL and Redis killed, gone, emptied, slow and flapping. */
import pg from "pg";
import { z } from "zod";
import { atMost, type LiveFault, nothingNoticed, type Scene } from "../fault.ts";
import type { FaultHouse } from "../fault-house.ts";
import { countRows } from "../standing-checks.ts";
import { pause, timeUntil, until } from "../waiting.ts";

/** Two replicas a service, the largest pool of eight, a listener and a probe each. */
const connectionsMax = 2 * (8 + 2);

interface ConnectionWatch {
  stop(): Promise<number>;
}

/** The most connections that any one database had, asked of the server itself again and again. */
function watchConnections(house: FaultHouse): ConnectionWatch {
  let isOver = false;
  let most = 0;
  const schema = z.object({ n: z.coerce.number() });
  const watching = (async () => {
    while (!isOver) {
      const client = new pg.Client({ connectionString: house.database.urlOf("postgres") });
      client.on("error", () => undefined);
      try {
        await client.connect();
        while (!isOver) {
          const { rows } = await client.query<Record<string, unknown>>(
            `select coalesce(max(c), 0) n from (select count(*) c from pg_stat_activity
             where datname like 'tandem_%' group by datname) as by_database`,
          );
          most = Math.max(most, schema.parse(rows[0]).n);
          await pause(50);
        }
      } catch {
        await pause(50);
      } finally {
        await client.end().catch(() => undefined);
      }
    }
  })();
  return {
    async stop() {
      isOver = true;
      await watching;
      return most;
    },
  };
}

/** What an administrator reads; each needs the database of another service. */
const reads = ["/wallet", "/orders?limit=5", "/limits", "/keys?limit=5"];

/** A read needs its service's database: fresh, marked, or refused with a code, never disguised. */
interface ReadWatch {
  stop(): Promise<{
    readonly disguised: number;
    readonly marked: number;
    readonly refused: number;
    readonly strange: readonly string[];
    readonly slowestRefusalMs: number;
  }>;
}

function watchReads(house: FaultHouse): ReadWatch {
  let isOver = false;
  const seen = { disguised: 0, marked: 0, refused: 0, slowestRefusalMs: 0 };
  const strange: string[] = [];
  const { tandem } = house;
  const watching = (async () => {
    for (let at = 0; !isOver; at += 1) {
      const startMs = performance.now();
      const path = reads[at % reads.length] ?? "";
      const answer = await fetch(`${tandem.adminUrl}${path}`, {
        headers: { authorization: `Bearer ${tandem.adminKey}` },
      });
      const text = await answer.text();
      if (answer.status === 200) {
        const isMarked = answer.headers.has("x-tandem-degraded");
        if (isMarked && !text.includes('"degraded"')) strange.push(`${path}: no body field`);
        seen[isMarked ? "marked" : "disguised"] += 1;
      } else if (answer.status === 503 || answer.status === 504) {
        seen.refused += 1;
        seen.slowestRefusalMs = Math.max(seen.slowestRefusalMs, performance.now() - startMs);
      } else strange.push(`${path}: ${answer.status} ${text.slice(0, 120)}`);
      await pause(100);
    }
  })();
  return {
    async stop() {
      isOver = true;
      await watching;
      return { ...seen, strange };
    },
  };
}

/** Time until a management read is answered anew and unmarked. */
function freshAgain({ tandem }: FaultHouse): Promise<number> {
  return timeUntil(async () => {
    const answer = await fetch(`${tandem.adminUrl}/wallet`, {
      headers: { authorization: `Bearer ${tandem.adminKey}` },
    });
    await answer.text();
    return answer.status === 200 && !answer.headers.has("x-tandem-degraded");
  }, 30_000);
}

export const databaseKilled: LiveFault = {
  id: "F07",
  what: "kill -9 of PostgreSQL every 10 s, started again at once",
  seconds: { short: 6, usual: 30, long: 120 },
  async strike({ house, seconds, isShort, tell }) {
    const watch = watchConnections(house);
    const endMs = performance.now() + seconds * 1_000;
    const returns: number[] = [];
    while (performance.now() < endMs) {
      await house.database.server.kill();
      await house.database.server.start();
      returns.push(await freshAgain(house));
      tell(`  killed; fresh again ${Math.round(returns.at(-1) ?? 0)} ms after it was ready`);
      await pause(Math.max(0, Math.min(isShort ? 1_000 : 9_000, endMs - performance.now())));
    }
    const connectionsMost = await watch.stop();
    const recoveryMs = Math.max(...returns);
    return {
      recoveryMs,
      figures: { kills: returns.length, connectionsMost },
      wrongs: [
        ...atMost("connections to one database", connectionsMost, connectionsMax),
        ...atMost("pool recovery", recoveryMs, isShort ? 5_000 : 1_000),
      ],
    };
  },
};

export const hotStoreKilled: LiveFault = {
  id: "F08",
  what: "kill -9 of Redis every 2 s, started again at once",
  seconds: { short: 5, usual: 20, long: 120 },
  hindrance: withoutRedis,
  async strike({ house, seconds }) {
    const endMs = performance.now() + seconds * 1_000;
    let kills = 0;
    for (; performance.now() < endMs; kills += 1) {
      await house.hotStore?.server.signal("SIGKILL");
      await house.hotStore?.server.start();
      await pause(2_000);
    }
    return { figures: { kills } };
  },
};

function withoutRedis({ hotStore }: FaultHouse): string | undefined {
  return hotStore === undefined ? "no redis-server or valkey-server is installed" : undefined;
}

/** Whoever has no slice of the wallet when the outage begins has nothing to spend in it. */
async function leasesAreHeld(house: FaultHouse): Promise<void> {
  const { processes } = await house.tandem.status();
  const gateways = processes.filter(({ hosts }) => hosts.some((host) => host.startsWith("ai/")));
  const held = "select count(distinct holder) n from leases where state = 'active'";
  await until(
    async () => (await countRows(house, "tandem_quota", held)) >= gateways.length,
    10_000,
  );
}

/** Chat goes on from snapshots, leases and journals; what needs the database says so. */
export const databaseGone: LiveFault = {
  id: "F09",
  what: "PostgreSQL gone",
  seconds: { short: 6, usual: 60, long: 60 },
  async strike(scene) {
    const { house, seconds } = scene;
    const { server } = house.database;
    await leasesAreHeld(house);
    await server.kill();
    // A pool waits for a second and a half before it says that the server is away.
    await pause(Math.min(2_500, seconds * 300));
    const reading = watchReads(house);
    const write = await refusedWrite(scene);
    await pause(Math.max(0, seconds * 1_000 - 2_500));
    const seen = await reading.stop();
    const watch = watchConnections(house);
    const before = scene.load.finished;
    await server.start();
    const recoveryMs = await freshAgain(house);
    await timeUntil(() => scene.load.finished > before + 20, 10_000);
    const connectionsMost = await watch.stop();
    return {
      recoveryMs,
      figures: {
        ...{ connectionsMost, markedReads: seen.marked, refusedReads: seen.refused },
        ...{ writeRefusedMs: write.tookMs },
      },
      wrongs: [
        ...(seen.disguised > 0 ? [`${seen.disguised} reads answered as if they were fresh`] : []),
        ...seen.strange.slice(0, 3),
        ...write.wrongs,
        ...atMost("connections to one database", connectionsMost, connectionsMax),
        ...atMost("return", recoveryMs, 5_000),
      ],
    };
  },
};

/** A change that needs the database: refused as an outage, soon, and never as bad credentials. */
async function refusedWrite({ house }: Scene) {
  const { tandem } = house;
  const startMs = performance.now();
  const answer = await fetch(`${tandem.adminUrl}/keys`, {
    method: "POST",
    headers: {
      authorization: `Bearer ${tandem.adminKey}`,
      "content-type": "application/json",
      "idempotency-key": `gone-${startMs}`,
    },
    body: JSON.stringify({ name: "made while the database is gone" }),
  });
  const text = await answer.text();
  const tookMs = performance.now() - startMs;
  const isClear = answer.status === 503 && /"type":"\/errors\//.test(text);
  const wrongs = isClear ? [] : [`a write was answered ${answer.status} ${text.slice(0, 160)}`];
  return { tookMs, wrongs };
}

/** Refused, silent, and then as empty as after a lost disk. */
export const hotStoreGone: LiveFault = {
  id: "F10",
  what: "Redis gone (half the time silent), then back and empty",
  seconds: { short: 5, usual: 60, long: 60 },
  hindrance: withoutRedis,
  async strike({ house, seconds }) {
    const { hotStore } = house;
    if (hotStore === undefined) throw new Error("there is no Redis");
    await hotStore.link.set({ up: { blackhole: true }, down: { blackhole: true } });
    await pause(seconds * 500);
    await hotStore.server.signal("SIGKILL");
    await hotStore.link.set({});
    hotStore.link.cutAll();
    await pause(seconds * 500);
    await hotStore.server.empty();
    await hotStore.server.start();
    await pause(1_000);
    return {};
  },
};

/** A statement's limit of two seconds acts, and whoever needs no such row is not held up. */
export const databaseSlow: LiveFault = {
  id: "F11",
  what: "PostgreSQL slow: the wallet's row locked, and every answer 500 ms later",
  seconds: { usual: 20, long: 60 },
  async strike({ house, seconds }) {
    const watch = watchConnections(house);
    const client = new pg.Client({ connectionString: house.database.urlOf("tandem_quota") });
    await client.connect();
    await client.query("begin");
    await client.query("select 1 from wallets for update");
    await house.database.link.set({ down: { latencyMs: 500 } });
    await pause(seconds * 1_000);
    await client.query("rollback");
    await client.end();
    await house.database.link.set({});
    const recoveryMs = await freshAgain(house);
    const connectionsMost = await watch.stop();
    return {
      recoveryMs,
      figures: { connectionsMost },
      wrongs: atMost("connections to one database", connectionsMost, connectionsMax),
    };
  },
};

/** The worst of both: neither long enough gone to be given up, nor long enough there. */
export const databaseFlapping: LiveFault = {
  id: "F09b",
  what: "PostgreSQL flapping: there for 1 s, refused for 1 s",
  seconds: { usual: 20, long: 60 },
  async strike({ house, seconds }) {
    const watch = watchConnections(house);
    const endMs = performance.now() + seconds * 1_000;
    while (performance.now() < endMs) {
      await house.database.link.set({ refuse: true });
      house.database.link.cutAll();
      await pause(1_000);
      await house.database.link.set({});
      await pause(1_000);
    }
    const recoveryMs = await freshAgain(house);
    const connectionsMost = await watch.stop();
    return {
      recoveryMs,
      figures: { connectionsMost },
      wrongs: atMost("connections to one database", connectionsMost, connectionsMax),
    };
  },
  judge: nothingNoticed,
};

/**
 * What must hold after every fault, whichever it was. Read from the books themselves and from the
 * operating system, not from the product's own word.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { TandemStatus } from "@tandem/libs/testing";
import pg from "pg";
import { z } from "zod";
import type { FaultHouse } from "./fault-house.ts";
import { until } from "./waiting.ts";

/** What the checks compare with; taken before a fault. */
export interface Baseline {
  readonly settlements: number;
  readonly spentNanos: bigint;
  /** Open descriptors by process number. */
  readonly descriptors: ReadonlyMap<number, number>;
  /** Length of each log file. */
  readonly logs: ReadonlyMap<string, number>;
}

/** All replicas have to be ready this soon after the last fault. */
export const readyLimitMs = 5_000;
const settlePatienceMs = 20_000;
/** Connections that nobody uses are kept for half a minute, and looked at now and then. */
const idlePatienceMs = 40_000;
/** Connections that are kept for reuse come and go; a leak is more than that. */
const descriptorsSlack = 400;

const countSchema = z.object({ n: z.coerce.number() });

export async function takeBaseline(house: FaultHouse): Promise<Baseline> {
  const { settlements, spentNanos } = await settledBooks(house);
  return {
    settlements,
    spentNanos,
    descriptors: descriptorsOf(await house.tandem.status()),
    logs: new Map(logFiles(house).map((file) => [file, readFileSync(file).length])),
  };
}

export interface Standing {
  readonly wrongs: readonly string[];
  readonly readyMs: number;
  /** Charged since the baseline. */
  readonly spentNanos: bigint;
  readonly settlements: number;
}

/** Waits for what may take its time, then checks everything. */
export async function checkStanding(
  house: FaultHouse,
  baseline: Baseline,
  costNanos: bigint,
): Promise<Standing> {
  const wrongs: string[] = [];
  const startMs = performance.now();
  const isReady = await house.tandem
    .until(({ processes }) => processes.every(({ state }) => state === "ready"), settlePatienceMs)
    .then(() => true)
    .catch(() => false);
  const readyMs = performance.now() - startMs;
  if (!isReady) wrongs.push("not all processes came back");
  if (isReady && readyMs > readyLimitMs) wrongs.push(`ready after ${Math.round(readyMs)} ms only`);
  await until(
    async () => (await booksOf(house)).charged - baseline.spentNanos >= costNanos,
    settlePatienceMs,
  );
  const { settlements, spentNanos } = await settledBooks(house);
  wrongs.push(...(await checkLedger(house)));
  wrongs.push(...(await checkOutboxes(house)));
  wrongs.push(...complaintsOf(house, baseline.logs));
  let leaks: readonly string[] = [];
  await until(async () => {
    leaks = leaksOf(descriptorsOf(await house.tandem.status()), baseline.descriptors);
    return leaks.length === 0;
  }, idlePatienceMs);
  wrongs.push(...leaks);
  return {
    wrongs,
    readyMs,
    spentNanos: spentNanos - baseline.spentNanos,
    settlements: settlements - baseline.settlements,
  };
}

function leaksOf(
  now: ReadonlyMap<number, number>,
  before: ReadonlyMap<number, number>,
): readonly string[] {
  return [...now].flatMap(([pid, count]) => {
    const had = before.get(pid) ?? count;
    return count > had + descriptorsSlack ? [`${pid} has ${count} descriptors, had ${had}`] : [];
  });
}

async function rows(house: FaultHouse, database: string, text: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: house.database.urlOf(database) });
  client.on("error", () => undefined);
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(text)).rows;
  } finally {
    await client.end();
  }
}

/** One number of one database, past every proxy. */
export async function countRows(house: FaultHouse, database: string, text: string) {
  return countSchema.parse((await rows(house, database, text))[0]).n;
}

const booksSchema = z.object({ n: z.coerce.number(), charged: z.coerce.bigint() });

async function booksOf(house: FaultHouse): Promise<z.infer<typeof booksSchema>> {
  const text = `select count(*) n, (coalesce(sum(charged_nanos), 0)
    - (select coalesce(sum(nanos), 0) from give_backs))::text charged from settlements`;
  return booksSchema.parse((await rows(house, "tandem_quota", text))[0]);
}

/** Settlements come in batches and from journals: what the books say once they stand still. */
async function settledBooks(
  house: FaultHouse,
): Promise<{ readonly settlements: number; readonly spentNanos: bigint }> {
  let last = { n: -1, charged: -1n };
  for (let same = 0; same < 5; ) {
    const now = await booksOf(house);
    same = now.n === last.n && now.charged === last.charged ? same + 1 : 0;
    last = now;
    await new Promise((resolve) => setTimeout(resolve, 150));
  }
  return { settlements: last.n, spentNanos: last.charged };
}

async function checkLedger(house: FaultHouse): Promise<string[]> {
  const wrongs: string[] = [];
  const sum = "select coalesce(sum(balance), 0)::text n from accounts";
  if ((await countRows(house, "tandem_quota", sum)) !== 0) wrongs.push("the ledger's sum is not 0");
  // Primary key and trigger forbid it; that they are there is what this sees.
  const twice = `select count(*) n from (select 1 from settlements where kind = 'settlement'
    group by request_id having count(*) > 1) as doubled`;
  if ((await countRows(house, "tandem_quota", twice)) !== 0) wrongs.push("settled twice");
  const orphans = `select count(*) n from leases where state <> 'closed'
    and due_at_ms < extract(epoch from now()) * 1000 - 15000`;
  const isClean = await until(
    async () => (await countRows(house, "tandem_quota", orphans)) === 0,
    settlePatienceMs,
  );
  if (!isClean) wrongs.push("a hold outlived its time");
  const said = await house.tandem.readManagement("/ledger/verify");
  const verified = z.object({ ok: z.boolean(), sum_nanos: z.string() }).safeParse(said);
  if (!verified.data?.ok || verified.data.sum_nanos !== "0") {
    wrongs.push(`the ledger does not verify: ${JSON.stringify(said).slice(0, 200)}`);
  }
  return wrongs;
}

async function checkOutboxes(house: FaultHouse): Promise<string[]> {
  const wrongs: string[] = [];
  for (const owner of ["auth", "users", "quota", "orders", "articles", "analytics"]) {
    const database = `tandem_${owner}`;
    const hasOutbox =
      "select count(*) n from information_schema.tables where table_name = 'outbox'";
    const isThere = await countRows(house, database, hasOutbox).catch(() => 0);
    if (isThere === 0) continue;
    const waiting = "select count(*) n from outbox";
    const isEmpty = await until(
      async () => (await countRows(house, database, waiting)) === 0,
      settlePatienceMs,
    );
    if (!isEmpty) wrongs.push(`the outbox of ${owner} does not empty`);
  }
  return wrongs;
}

function logFiles({ tandem }: FaultHouse): string[] {
  const folder = join(tandem.dataDirectory, "logs");
  return readdirSync(folder)
    .filter((name) => name.endsWith(".log"))
    .map((name) => join(folder, name));
}

const complaint =
  /unhandled ?rejection|UnhandledPromiseRejection|uncaughtException|ERR_UNHANDLED|triggerUncaught|MaxListenersExceeded/i;

/** What a process may never say: that something was thrown and nobody was there to catch it. */
function complaintsOf(house: FaultHouse, from: ReadonlyMap<string, number>): string[] {
  return logFiles(house).flatMap((file) => {
    const bytes = readFileSync(file);
    const start = from.get(file) ?? 0;
    const text = bytes.subarray(start <= bytes.length ? start : 0).toString();
    const line = text.split("\n").find((one) => complaint.test(one));
    return line === undefined ? [] : [`log: ${line.slice(0, 160)}`];
  });
}

export function descriptorsOf({ processes }: TandemStatus): Map<number, number> {
  const counts = new Map<number, number>();
  for (const { pid } of processes) {
    if (pid === undefined) continue;
    try {
      counts.set(pid, readdirSync(`/proc/${pid}/fd`).length);
    } catch {
      // It has just ended.
    }
  }
  return counts;
}

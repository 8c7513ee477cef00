import { parseNanos } from "@tandem/libs/kernel";
import {
  type LoadReport,
  type MockEngine,
  mockEngine,
  type RunningLoad,
  type SeededRandom,
  seededRandom,
  startLoad,
  startTandem,
  type Tandem,
  type TandemOptions,
  type TandemProcess,
} from "@tandem/libs/testing";
import { z } from "zod";

/** Which processes a loop may kill, by the replicas they host. */
export type Victims = "routers" | "gateways" | "services" | "any";

export interface KillLoopOptions {
  readonly victims: Victims;
  readonly seconds: number;
  /** Pause between two kills, drawn evenly from here; 500 to 1,000. */
  readonly everyMs?: readonly [min: number, max: number];
  /** Also kills the last one that is up, so that a whole pool can be gone for a moment. */
  readonly isRuthless?: boolean;
  readonly seed: number;
  readonly load: LoadShape;
  /** Told of each kill and each failure as it happens. */
  readonly tell?: (line: string) => void;
}

export interface LoadShape {
  readonly callsPerSecond: number;
  readonly streams: number;
  readonly streamTokens: number;
}

export interface KillLoopReport {
  readonly kills: number;
  readonly load: LoadReport;
  /** From a kill until the supervisor calls the replacement ready, slowest and in the middle. */
  readonly recoveryMsMax: number;
  readonly recoveryMsP50: number;
  /** All processes were ready this long after the load; undefined when they never were. */
  readonly settledMs: number | undefined;
  readonly books: Books;
}

/** What the ledger says after the load. */
export interface Books {
  /** Every balance follows from the transfers, and all sum up to nothing. */
  readonly isSound: boolean;
  /** Taken from the wallet since the loop began. */
  readonly spentNanos: bigint;
}

/** The product, its upstream, and the words of a test around them. */
export interface ChaosHouse {
  readonly tandem: Tandem;
  readonly engine: MockEngine;
  close(): Promise<readonly { readonly pid: number; readonly command: string }[]>;
}

const tokensPerSecond = 25;
const settlePatienceMs = 15_000;
/** How long the load runs before the first kill, so that nobody is killed cold. */
const warmupMs = 2_000;

export async function openChaosHouse(
  topology = "tandem",
  options: TandemOptions = {},
): Promise<ChaosHouse> {
  const engine = await mockEngine({ profile: "vllm", tokensPerSecond });
  const tandem = await startTandem({ topology, settings: chaosSettings(engine), ...options });
  return {
    tandem,
    engine,
    async close() {
      const { leftovers } = await tandem.stop();
      await engine.close();
      return leftovers;
    },
  };
}

/** One model, on the mock engine. */
export function chaosSettings(
  engine: Pick<MockEngine, "baseUrl">,
): NonNullable<TandemOptions["settings"]> {
  const upstreams = [{ name: "mock", profile: "vllm", baseUrl: engine.baseUrl }];
  const targets = [{ upstream: "mock", model: "mock-1" }];
  const price = { inputPerMillion: "1", outputPerMillion: "2" };
  const models = [{ id: "mock-1", contextTokens: 32_768, price, targets }];
  // Each stream holds the price of the longest answer, and what a killed gateway held is missing
  // until that gateway is back: a hundred of them need more than the first start's ten dollars.
  const access = { setup: { initialCredit: "9999" } };
  return { inference: { upstreams }, models: { models }, access };
}

/**
 * kill -9 of a random process, again and again, while calls and streams run. The client retries as
 * the OpenAI SDKs do; every answer is compared word for word with what the engine says.
 */
export async function killLoop(
  { tandem }: Pick<ChaosHouse, "tandem">,
  options: KillLoopOptions,
): Promise<KillLoopReport> {
  const { tell = () => undefined } = options;
  const beforeNanos = await settledCredit(tandem);
  const load = startLoad({
    ...options.load,
    baseUrl: tandem.baseUrl,
    apiKey: tandem.apiKey,
    model: "mock-1",
    onFailure: ({ kind, what, status, detail }) =>
      tell(`  ${kind} ${what}: status ${status} ${JSON.stringify(detail.slice(-200))}`),
  });
  const recoveries: Promise<number>[] = [];
  try {
    await pause(warmupMs);
    await killAll(tandem, options, { recoveries, tell });
  } catch (error) {
    await load.stop();
    throw error;
  }
  return reportOf({ tandem, load, recoveries, beforeNanos });
}

interface Progress {
  readonly recoveries: Promise<number>[];
  readonly tell: (line: string) => void;
}

async function killAll(
  tandem: Tandem,
  options: KillLoopOptions,
  { recoveries, tell }: Progress,
): Promise<void> {
  const random = seededRandom(options.seed);
  const [minMs, maxMs] = options.everyMs ?? [500, 1_000];
  const endMs = performance.now() + options.seconds * 1_000;
  while (performance.now() < endMs) {
    const { processes } = await tandem.status();
    const victim = chooseVictim(processes, options, random);
    if (victim?.pid !== undefined) {
      tell(`  kill -9 ${victim.name}`);
      process.kill(victim.pid, "SIGKILL");
      recoveries.push(recovered(tandem, victim));
    }
    await pause(minMs + random.fraction() * (maxMs - minMs));
  }
}

/** Undefined when nobody may die now: a loop that is not ruthless leaves the last one alone. */
function chooseVictim(
  processes: readonly TandemProcess[],
  { victims, isRuthless = false }: KillLoopOptions,
  random: SeededRandom,
): TandemProcess | undefined {
  const candidates = processes.filter(
    (one) =>
      isVictim(one, victims) &&
      one.state === "ready" &&
      (isRuthless || hasReadySister(one, processes)),
  );
  return candidates.length === 0 ? undefined : random.pick(candidates);
}

function isVictim({ hosts }: TandemProcess, victims: Victims): boolean {
  const kinds = hosts.map((replica) => replica.split("/")[0] ?? "");
  const isRouter = kinds.includes("router");
  const isGateway = kinds.some((kind) => ["access", "business", "ai"].includes(kind));
  // The engine has one replica, and no part in answers that another upstream gives.
  if (kinds.includes("engine")) return false;
  if (victims === "routers") return isRouter;
  if (victims === "gateways") return isGateway;
  return victims === "any" || !(isRouter || isGateway);
}

function hasReadySister(victim: TandemProcess, processes: readonly TandemProcess[]): boolean {
  const kindsOf = ({ hosts }: TandemProcess) =>
    hosts.map((replica) => replica.split("/")[0]).join("+");
  return processes.some(
    (one) => one.name !== victim.name && one.state === "ready" && kindsOf(one) === kindsOf(victim),
  );
}

/**
 * Milliseconds until a process of the victim's name, and not the victim, is ready. Only who is
 * ready is killed, so a further death says that the replacement was, though nobody was looking.
 */
async function recovered(tandem: Tandem, victim: TandemProcess): Promise<number> {
  const startMs = performance.now();
  await tandem.until(
    ({ processes }) =>
      processes.some(
        ({ name, pid, state, deaths }) =>
          name === victim.name &&
          ((pid !== victim.pid && state === "ready") || deaths > victim.deaths + 1),
      ),
    settlePatienceMs,
  );
  return performance.now() - startMs;
}

async function reportOf(parts: {
  readonly tandem: Tandem;
  readonly load: RunningLoad;
  readonly recoveries: readonly Promise<number>[];
  readonly beforeNanos: bigint;
}): Promise<KillLoopReport> {
  const settled = await Promise.allSettled(parts.recoveries);
  const times = settled
    .flatMap((one) => (one.status === "fulfilled" ? [one.value] : []))
    .sort((a, b) => a - b);
  const load = await parts.load.stop();
  const startMs = performance.now();
  const isSettled = await parts.tandem
    .until(({ processes }) => processes.every(({ state }) => state === "ready"), settlePatienceMs)
    .then(() => true)
    .catch(() => false);
  return {
    kills: parts.recoveries.length,
    load,
    recoveryMsMax: times.length < settled.length ? Number.POSITIVE_INFINITY : (times.at(-1) ?? 0),
    recoveryMsP50: times[Math.floor(times.length / 2)] ?? 0,
    settledMs: isSettled ? performance.now() - startMs : undefined,
    books: await booksOf(parts.tandem, parts.beforeNanos),
  };
}

async function booksOf(tandem: Tandem, beforeNanos: bigint): Promise<Books> {
  const spentNanos = beforeNanos - (await settledCredit(tandem));
  const { ok, sum_nanos } = ledgerSchema.parse(await readManagement(tandem, "/ledger/verify"));
  return { isSound: ok && sum_nanos === "0", spentNanos };
}

const ledgerSchema = z.object({ ok: z.boolean(), sum_nanos: z.string() });
const walletSchema = z.object({ total: z.object({ amount: z.string() }) });

/** Usage is settled in batches and replayed from journals: the credit once it stands still. */
async function settledCredit(tandem: Tandem): Promise<bigint> {
  let lastNanos = -1n;
  for (let same = 0; same < 10; ) {
    const { total } = walletSchema.parse(await readManagement(tandem, "/wallet"));
    const nanos = parseNanos(total.amount);
    same = nanos === lastNanos ? same + 1 : 0;
    lastNanos = nanos;
    await pause(150);
  }
  return lastNanos;
}

async function readManagement(tandem: Tandem, path: string): Promise<unknown> {
  const response = await fetch(tandem.adminUrl + path, {
    headers: { authorization: `Bearer ${tandem.adminKey}` },
  });
  return response.json();
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}

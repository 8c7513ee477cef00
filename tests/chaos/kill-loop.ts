import {
  type MockEngine,
  mockEngine,
  type SeededRandom,
  startTandem,
  type Tandem,
  type TandemOptions,
  type TandemProcess,
} from "@tandem/libs/testing";

/** Which processes a loop may kill, by the replicas they host. */
export type Victims = "routers" | "gateways" | "services" | "any";

export interface KillOptions {
  readonly victims: Victims;
  readonly seconds: number;
  /** Pause between two kills, drawn evenly from here. */
  readonly everyMs: readonly [min: number, max: number];
  /** Also kills the last one that is up, so that a whole pool can be gone for a moment. */
  readonly isRuthless?: boolean;
  readonly random: SeededRandom;
}

export interface LoadShape {
  readonly callsPerSecond: number;
  readonly streams: number;
  readonly streamTokens: number;
}

/** The product, its upstream, and the words of a test around them. */
export interface ChaosHouse {
  readonly tandem: Tandem;
  readonly engine: MockEngine;
  close(): Promise<readonly { readonly pid: number; readonly command: string }[]>;
}

const tokensPerSecond = 25;
const settlePatienceMs = 15_000;
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

interface Progress {
  readonly recoveries: Promise<number>[];
  readonly tell: (line: string) => void;
}

/** Kills until the time is over. */
export async function killAll(
  tandem: Tandem,
  options: KillOptions,
  { recoveries, tell }: Progress,
): Promise<void> {
  const { random } = options;
  const [minMs, maxMs] = options.everyMs;
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
  { victims, isRuthless = false }: Pick<KillOptions, "victims" | "isRuthless">,
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

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}

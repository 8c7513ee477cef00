import { SimulatedClient } from "./house/client.ts";
import { SimulatedTandem } from "./house/tandem.ts";
import { rules } from "./rules/index.ts";
import { takeStock } from "./take-stock.ts";

/** What dies, and after which of its steps; every step that it makes while the request lives. */
export interface CrashPoint {
  readonly victim: string;
  readonly step: number;
}

export interface CrashRun {
  readonly problems: readonly string[];
  /** Steps of each machine from the request to its last event's effect. */
  readonly steps: ReadonlyMap<string, { readonly first: number; readonly last: number }>;
  /** Which replica of a kind had to do with the request: the one that took more steps. */
  readonly carriers: ReadonlyMap<string, string>;
}

/** A loss of power instead of a kill: what the disk has not got is gone. */
export interface CrashOptions {
  readonly isStream: boolean;
  readonly seed: number;
  readonly losesPower: boolean;
}

/** From reserve to publish: one request, its settlement, its event, and some time for both. */
const lifeMs = 1_000;
const comebackMs = 2_500;
/** An event whose consumer was away comes again after five seconds at most, and a poll. */
const restMs = 4_000;
const downMs = 300;

const settings = {
  process: { streams: { drain: "500ms", return: "5s" } },
  power: { streams: { drain: "500ms", return: "5s" }, wallet: { durability: "power" } },
};

/**
 * One request whose life is cut by one crash, right after one step of one process: reserve → call →
 * journal → settle → outbox → publish. Without a point it tells which steps there are.
 */
export async function runCrash(
  { isStream, seed, losesPower }: CrashOptions,
  point: CrashPoint | undefined,
): Promise<CrashRun> {
  const house = new SimulatedTandem({
    seed,
    gateway: losesPower ? settings.power : settings.process,
  });
  const key = house.issueKey(1);
  await house.start();
  const client = new SimulatedClient(house);
  // Everybody knows everybody before it begins.
  client.send({ key, isStream, tokens: 4 });
  await house.scheduler.runUntil(house.nowMs + lifeMs);
  const before = new Map([...house.machines].map(([name, { steps }]) => [name, steps]));
  if (point !== undefined) planCrash(house, point, losesPower);
  client.send({ key, isStream, tokens: 8 });
  await house.scheduler.runUntil(house.nowMs + lifeMs);
  const steps = new Map(
    [...house.machines].map(([name, machine]) => [
      name,
      { first: (before.get(name) ?? 0) + 1, last: machine.steps },
    ]),
  );
  const carriers = carriersOf(steps);
  if (point === undefined) return { problems: [], steps, carriers };
  await house.scheduler.runUntil(house.nowMs + comebackMs);
  client.send({ key, isStream, tokens: 5, isProbe: true });
  await house.scheduler.runUntil(house.nowMs + restMs);
  takeStock(house, { ignoresHolds: true });
  const problems = rules.flatMap(({ name, check }) =>
    check(house.history).map((problem) => `rule ${name}: ${problem}`),
  );
  return { problems, steps, carriers };
}

function carriersOf(steps: CrashRun["steps"]): ReadonlyMap<string, string> {
  const carriers = new Map<string, string>();
  const most = new Map<string, number>();
  for (const [name, { first, last }] of steps) {
    const kind = name.replace(/-\d+$/, "");
    if (last - first < (most.get(kind) ?? -1)) continue;
    most.set(kind, last - first);
    carriers.set(kind, name);
  }
  return carriers;
}

function planCrash(
  house: SimulatedTandem,
  { victim, step }: CrashPoint,
  losesPower: boolean,
): void {
  const machine = house.machine(victim);
  machine.atStep = {
    step,
    run: () => {
      const fromMs = house.nowMs;
      const note = { kind: "kill", target: victim, fromMs, untilMs: fromMs + downMs };
      house.history.faults.push(note);
      house.kill(victim);
      if (losesPower) machine.disk.losePower();
      house.scheduler.after(downMs, () => house.startProcess(victim));
    },
  };
}

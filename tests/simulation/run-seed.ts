import { createHash } from "node:crypto";
import { doings, type Fault } from "./faults.ts";
import type { History } from "./history.ts";
import { SimulatedClient } from "./house/client.ts";
import { type IssuedKey, SimulatedTandem } from "./house/tandem.ts";
import { rules } from "./rules/index.ts";
import { faultsFor, loadOf, type Scenario } from "./scenarios/scenario.ts";
import { takeStock } from "./take-stock.ts";

export interface Violation {
  readonly rule: string;
  readonly problems: readonly string[];
}

export interface SeedRun {
  readonly scenario: string;
  readonly seed: number;
  readonly faults: readonly Fault[];
  readonly violations: readonly Violation[];
  readonly history: History;
  readonly simulatedMs: number;
  readonly events: number;
  /** The same for two runs that did the same. */
  readonly digest: string;
}

/** How long everything has to come back, */
const comebackMs = 5_000;
/** and then to come to rest: one run in four waits until unused money is back in its wallets. */
const restMs = 4_000;
/** Gateways have given back what they were told to. */
const calledInMs = 2_000;
const longRestMs = 26_000;
const longRestEvery = 4;

/** One run of a family: load and faults, a comeback, probes, rest, and the rules over all of it. */
export async function runSeed(
  scenario: Scenario,
  seed: number,
  given: {
    readonly faults?: readonly Fault[];
    readonly trace?: (line: string) => void;
    /** Makes a part of the house a bad one; for tests of the rules. */
    readonly spoil?: (house: SimulatedTandem) => void;
  } = {},
): Promise<SeedRun> {
  const faults = given.faults ?? faultsFor(scenario, seed);
  const { trace } = given;
  const house = new SimulatedTandem({
    ...scenario.options,
    seed,
    ...(trace === undefined ? {} : { trace }),
  });
  given.spoil?.(house);
  const crashes: string[] = [];
  const onRejection = (error: unknown): void => {
    crashes.push(`a rejection that nobody handles: ${stackOf(error)}`);
  };
  process.on("unhandledRejection", onRejection);
  try {
    await play(house, { scenario, faults, seed });
  } catch (error) {
    crashes.push(stackOf(error));
  } finally {
    // Rejections are told at the end of a turn of the real loop.
    await new Promise(setImmediate);
    process.off("unhandledRejection", onRejection);
  }
  const { history } = house;
  const violations = rules
    .map(({ name, check }) => ({ rule: name, problems: check(history) }))
    .filter(({ problems }) => problems.length > 0);
  if (crashes.length > 0) violations.push({ rule: "0 nothing crashes", problems: crashes });
  return {
    ...{ scenario: scenario.name, seed, faults, violations, history },
    ...{ simulatedMs: house.nowMs, events: house.scheduler.events, digest: digestOf(house) },
  };
}

interface Planned {
  readonly scenario: Scenario;
  readonly faults: readonly Fault[];
  readonly seed: number;
}

async function play(house: SimulatedTandem, { scenario, faults, seed }: Planned): Promise<void> {
  const load = loadOf(scenario);
  const keys = Array.from({ length: load.keys }, (_, index) => house.issueKey(index + 1));
  await house.start();
  const beginMs = house.nowMs;
  const client = new SimulatedClient(house);
  planFaults(house, faults);
  planRevocations(house, scenario, keys);
  planLoad(house, { scenario, client, keys });
  const lastMs = Math.max(0, ...faults.map(({ atMs, forMs }) => atMs + forMs));
  await house.scheduler.runUntil(beginMs + Math.max(scenario.loadMs, lastMs) + comebackMs);
  await probe(house, client, keys);
  const isLong = seed % longRestEvery === 0;
  await house.scheduler.runUntil(house.nowMs + (isLong ? longRestMs : restMs));
  // What lies ready for callers who may come again is to be there for whoever is short of it.
  house.quota.callAllIn();
  await house.scheduler.runUntil(house.nowMs + calledInMs);
  takeStock(house, { ignoresHolds: !isLong });
}

function planFaults(house: SimulatedTandem, faults: readonly Fault[]): void {
  for (const fault of faults) {
    house.scheduler.after(fault.atMs, () => {
      const { kind, target, forMs } = fault;
      const fromMs = house.nowMs;
      house.history.faults.push({ kind, target, fromMs, untilMs: fromMs + forMs });
      house.trace(`fault ${kind} ${target} for ${forMs} ms`);
      doings[kind]?.(house, fault);
    });
  }
}

function planRevocations(
  house: SimulatedTandem,
  { revokes = 0, loadMs }: Scenario,
  keys: readonly IssuedKey[],
): void {
  const random = house.fork();
  // The first key stays: somebody has to be served.
  for (const { keyId } of keys.slice(1, 1 + revokes)) {
    house.scheduler.after(random.integer(loadMs), () => {
      house.trace(`revoke ${keyId}`);
      house.auth.revoke(keyId);
    });
  }
}

function planLoad(
  house: SimulatedTandem,
  given: {
    readonly scenario: Scenario;
    readonly client: SimulatedClient;
    readonly keys: readonly IssuedKey[];
  },
): void {
  const { scenario, client, keys } = given;
  const load = loadOf(scenario);
  const random = house.fork();
  let atMs = 0;
  while (atMs < scenario.loadMs) {
    // Arrivals do not wait for answers.
    atMs += -Math.log(1 - random.fraction()) * load.everyMs;
    const isStream = random.fraction() < load.streams;
    const isLeaving = isStream && random.fraction() < load.leaving;
    const isCached = random.fraction() < load.cached;
    const tokens = 2 + random.integer(load.tokensMax);
    const wish = {
      key: random.pick(keys),
      ...{ isStream, tokens, mayBeCached: isCached },
      ...(isLeaving ? { leavesAfter: 1 + random.integer(tokens) } : {}),
      ...(isCached ? { topic: `often ${random.integer(3)}`, tokens: 10 } : {}),
    };
    house.scheduler.after(atMs, () => client.send(wish));
  }
}

/** What is asked when nothing is broken any more has to be answered. */
async function probe(
  house: SimulatedTandem,
  client: SimulatedClient,
  keys: readonly IssuedKey[],
): Promise<void> {
  const [key] = keys;
  if (key === undefined) return;
  const fresh = house.issueKey(99, "org_99");
  for (const isStream of [true, false, true, false]) {
    client.send({ key: fresh, isStream, tokens: 5, isProbe: true });
    await house.scheduler.runUntil(house.nowMs + 300);
  }
}

function digestOf({ history, scheduler }: SimulatedTandem): string {
  const { requests, transfers } = history;
  const text = JSON.stringify([scheduler.events, requests, transfers], (_, value) =>
    typeof value === "bigint" ? String(value) : value,
  );
  return createHash("sha256").update(text).digest("hex").slice(0, 12);
}

function stackOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

import { type SeededRandom, seededRandom } from "@tandem/libs/testing";
import { drawFault, type Fault } from "../faults.ts";
import type { TandemOptions } from "../house/tandem.ts";

/** What clients do. */
export interface Load {
  /** Between two requests on average, milliseconds. */
  readonly everyMs: number;
  /** Shares of requests, 0 to 1. */
  readonly streams: number;
  readonly leaving: number;
  readonly cached: number;
  /** Keys they have. */
  readonly keys: number;
  /** Longest answer, in tokens. */
  readonly tokensMax: number;
}

/** A family of runs: one world, one kind of load, and the faults that are drawn for a seed. */
export interface Scenario {
  readonly name: string;
  /** What it is about, and which cores are in it. */
  readonly about: string;
  readonly loadMs: number;
  readonly load: Partial<Load>;
  readonly options?: Omit<TandemOptions, "seed" | "trace">;
  /** Kinds of faults, one as often as another; a kind may be named twice. */
  readonly kinds: readonly string[];
  readonly faults: { readonly least: number; readonly most: number };
  /** Faults that every run of it has. */
  readonly always?: readonly Fault[];
  /** Keys that are revoked on the way. */
  readonly revokes?: number;
}

const usual: Load = {
  ...{ everyMs: 250, streams: 0.5, leaving: 0.05, cached: 0.1, keys: 2, tokensMax: 40 },
};

export function loadOf({ load }: Scenario): Load {
  return { ...usual, ...load };
}

/** The faults of one run, known before it begins, so that some of them can be left out. */
export function faultsFor(scenario: Scenario, seed: number): readonly Fault[] {
  const random: SeededRandom = seededRandom(`${scenario.name} ${seed}`);
  const { least, most } = scenario.faults;
  const count = least + random.integer(most - least + 1);
  const drawn = Array.from({ length: count }, () => {
    const kind = random.pick(scenario.kinds);
    return drawFault(random, kind, random.integer(scenario.loadMs));
  });
  return [...(scenario.always ?? []), ...drawn].sort((left, right) => left.atMs - right.atMs);
}

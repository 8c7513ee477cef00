/**
 * The seam of the fault catalogue. A fault is one object: what it is called, what load runs
 * meanwhile, how it strikes, and what must be true afterwards. To add one, write it in `faults/`
 * and put it into the list in `catalogue.ts`; everything else (starting the product, load, the
 * standing checks, the tables) is done for it.
 */
import type { LoadReport, RunningLoad, SeededRandom } from "@tandem/libs/testing";
import type { FaultHouse } from "./fault-house.ts";
import type { LoadShape } from "./kill-loop.ts";

/** A fault that strikes the living product while calls and streams run. */
export interface LiveFault {
  /** `F07`. */
  readonly id: string;
  readonly what: string;
  /** How long it goes on, by form: the one for CI, the usual one, `--long`. Absent: not in it. */
  readonly seconds: { readonly short?: number; readonly usual?: number; readonly long: number };
  readonly load?: Partial<LoadShape>;
  /** Attempts of a client's call; 1, a plain client that tries nothing again. */
  readonly attempts?: number;
  /** Why it cannot be run on this machine; absent or undefined when it can. */
  readonly hindrance?: (house: FaultHouse) => string | undefined;
  /** Done before the load begins. */
  prepare?(house: FaultHouse): Promise<unknown>;
  /** Breaks what it breaks for `scene.seconds`, and mends it. */
  strike(scene: Scene): Promise<Strike>;
  /** What is wrong with what was seen; nothing may have failed or been cut when absent. */
  judge?(seen: Seen): readonly string[];
}

/** What a fault has to work with. */
export interface Scene {
  readonly house: FaultHouse;
  readonly seconds: number;
  readonly isShort: boolean;
  readonly random: SeededRandom;
  readonly load: RunningLoad;
  tell(line: string): void;
}

/** What a fault saw itself. */
export interface Strike {
  /** The slowest way back, in milliseconds. */
  readonly recoveryMs?: number;
  /** Figures by name, for the tables and the goals. Milliseconds where the name ends with `Ms`. */
  readonly figures?: Readonly<Record<string, number>>;
  readonly wrongs?: readonly string[];
}

export interface Seen {
  readonly load: LoadReport;
  readonly figures: Readonly<Record<string, number>>;
}

/** One line of the table. */
export interface Row {
  readonly id: string;
  readonly what: string;
  readonly load: string;
  readonly failed: number | undefined;
  readonly truncated: number | undefined;
  readonly recoveryMs: number | undefined;
  readonly figures: Readonly<Record<string, number>>;
  readonly verdict: "pass" | "FAIL" | "not run";
  /** What failed, or why it was not run, or which test proves it. */
  readonly reasons: readonly string[];
}

/** The rule that most faults are held to: no caller noticed anything. */
export function nothingNoticed({ load }: Pick<Seen, "load">): string[] {
  const count = (what: string): number =>
    load.failures.filter((failure) => failure.what === what).length;
  return [
    ...(count("truncated") > 0 ? [`${count("truncated")} cut`] : []),
    ...noneFailed({ load }),
  ];
}

/** Streams may be cut, visibly; nothing else may go wrong. */
export function noneFailed({ load }: Pick<Seen, "load">): string[] {
  const wrongs: string[] = [];
  for (const [what, text] of [
    ["failed", "failed"],
    ["unmarked", "cut and looked whole"],
    ["wrong", "had other words"],
  ] as const) {
    const count = load.failures.filter((failure) => failure.what === what).length;
    if (count > 0) wrongs.push(`${count} ${text}`);
  }
  const cutCalls = load.failures.filter(
    ({ what, kind }) => what === "truncated" && kind === "call",
  ).length;
  return cutCalls > 0 ? [...wrongs, `${cutCalls} calls cut`] : wrongs;
}

export function atMost(name: string, figure: number | undefined, limit: number): string[] {
  if (figure === undefined) return [`${name} was not measured`];
  return figure <= limit
    ? []
    : [`${name} ${figure < 10 ? figure.toFixed(2) : Math.round(figure)} > ${limit}`];
}

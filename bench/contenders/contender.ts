import type { Target } from "../load/job.ts";

/** One path that a call can take from the load generator to the upstream. */
export interface Contender {
  readonly name: string;
  readonly version: string;
  /** Every process of the path. */
  readonly pids: readonly number[];
  /** Where whole answers are asked for, and where streams are. */
  readonly unary: Target;
  readonly stream: Target;
  readonly headers: Readonly<Record<string, string>>;
  stop(): Promise<void>;
}

/** A contender that cannot run here, and why; the bench prints that and goes on. */
export interface Absent {
  readonly name: string;
  readonly reason: string;
}

export interface Place {
  readonly upstreamPort: number;
  /** A folder of this contender's own; exists and is empty. */
  readonly folder: string;
  /** What keeps its installation from run to run. */
  readonly cacheFolder: string;
}

/** The core of the path, and the core of upstream and load generator. */
export const pathCore = 0;
export const loadCore = 1;

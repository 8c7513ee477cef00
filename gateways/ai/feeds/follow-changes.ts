import { sleep, type World } from "@tandem/libs/world";
import { aborted } from "./aborted.ts";

export interface ChangeNews {
  readonly sequence: bigint;
  /** Whose limits, budgets or credit changed. */
  readonly organisationIds: readonly string[];
  /** Too much has changed to say what: everything. */
  readonly reset: boolean;
}

export const changesPollMs = 10_000;
const firstPauseMs = 100;
const longestPauseMs = 2_000;

/** Follows quota's changes by long polls until `signal` aborts; leases end soon enough anyway. */
export function followChanges(options: FollowOptions): Promise<void> {
  // A poll under way is not waited for at the end.
  return Promise.race([poll(options), aborted(options.signal)]);
}

interface FollowOptions {
  readonly watch: (afterSequence: bigint, waitMs: number) => Promise<ChangeNews>;
  /** Undefined: of everybody. */
  readonly onChange: (organisationIds: readonly string[] | undefined) => void;
  readonly world: World;
  readonly signal: AbortSignal;
}

async function poll({ watch, onChange, world, signal }: FollowOptions): Promise<void> {
  // A feed that has never had a change is at 0: asked once, that is a place like any other.
  let sequence: bigint | undefined;
  let pauseMs = firstPauseMs;
  while (!signal.aborted) {
    try {
      const news = await watch(sequence ?? 0n, sequence === undefined ? 0 : changesPollMs);
      const isFirst = sequence === undefined;
      const isBackwards = news.sequence < (sequence ?? 0n);
      sequence = news.sequence;
      pauseMs = firstPauseMs;
      // What was learnt before the first answer may be older than the changes it leaves out.
      if (isFirst || news.reset || isBackwards) onChange(undefined);
      else if (news.organisationIds.length > 0) onChange(news.organisationIds);
    } catch {
      await sleep(world, pauseMs);
      pauseMs = Math.min(pauseMs * 2, longestPauseMs);
    }
  }
}

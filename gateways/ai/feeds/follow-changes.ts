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
  let sequence = 0n;
  let pauseMs = firstPauseMs;
  while (!signal.aborted) {
    try {
      const news = await watch(sequence, sequence === 0n ? 0 : changesPollMs);
      const isFirst = sequence === 0n;
      const isBackwards = news.sequence < sequence;
      sequence = news.sequence;
      pauseMs = firstPauseMs;
      if (news.reset || isBackwards) onChange(undefined);
      else if (!isFirst && news.organisationIds.length > 0) onChange(news.organisationIds);
      // A feed that has never had a change stays at 0, where a poll does not wait.
      if (news.sequence === 0n) await sleep(world, longestPauseMs);
    } catch {
      await sleep(world, pauseMs);
      pauseMs = Math.min(pauseMs * 2, longestPauseMs);
    }
  }
}

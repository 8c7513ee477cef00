import { sleep, type World } from "../../world/index.ts";
import { isContention } from "./database-faults.ts";

const delayMsFirst = 4;
const delayMsMax = 100;

/**
 * Runs `run` again when it lost against a concurrent transaction (`store.contention`), up to
 * `attemptsMax` times in all (6 by default), after a pause of 4 ms doubling to 100 ms, with full
 * jitter so that two losers do not meet again. Any other error passes through at once.
 */
export async function withRetry<Result>(
  run: () => Promise<Result>,
  options: { readonly world: World; readonly attemptsMax?: number },
): Promise<Result> {
  const { world, attemptsMax = 6 } = options;
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await run();
    } catch (error) {
      if (attempt >= attemptsMax || !isContention(error)) throw error;
      const delayMs = Math.min(delayMsFirst * 2 ** (attempt - 1), delayMsMax);
      await sleep(world, delayMs * world.randomness.fraction());
    }
  }
}

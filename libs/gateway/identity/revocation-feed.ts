import { sleep, type World } from "../../world/index.ts";
import type { RevocationNews } from "./identity-cache.ts";

const firstPauseMs = 50;
const longestPauseMs = 1_000;

/** How long one poll waits for news. A second, so that three of silence are an outage. */
export const revocationPollMs = 1_000;

/**
 * Keeps a cache told of revocations, by long polls, until `signal` aborts. `watch` asks for the
 * news after a sequence and may wait `waitMs` for it; when it rejects it is asked again, after
 * 50 ms, doubling to a second.
 */
export async function followRevocations(options: {
  readonly cache: { readonly sequence: bigint; hear(news: RevocationNews): void };
  readonly watch: (afterSequence: bigint, waitMs: number) => Promise<RevocationNews>;
  readonly world: World;
  readonly signal: AbortSignal;
}): Promise<void> {
  const { cache, watch, world, signal } = options;
  let pauseMs = firstPauseMs;
  let waitMs = 0;
  while (!signal.aborted) {
    try {
      const news = await watch(cache.sequence, waitMs);
      cache.hear(news);
      pauseMs = firstPauseMs;
      waitMs = revocationPollMs;
    } catch {
      // Its silence is the news: the cache judges by when it last heard anything.
      await sleep(world, pauseMs);
      pauseMs = Math.min(pauseMs * 2, longestPauseMs);
      waitMs = 0;
    }
  }
}

import { Fault } from "../../kernel/index.ts";
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
export function followRevocations(options: FollowOptions): Promise<void> {
  // A poll under way is not waited for; what it brings is nobody's business any more.
  return Promise.race([poll(options), aborted(options.signal)]);
}

interface FollowOptions {
  readonly cache: {
    readonly sequence: bigint;
    hear(news: RevocationNews): void;
    hearNobody(): void;
  };
  readonly watch: (afterSequence: bigint, waitMs: number) => Promise<RevocationNews>;
  readonly world: World;
  readonly signal: AbortSignal;
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}

async function poll({ cache, watch, world, signal }: FollowOptions): Promise<void> {
  let pauseMs = firstPauseMs;
  let waitMs = 0;
  while (!signal.aborted) {
    try {
      const news = await watch(cache.sequence, waitMs);
      cache.hear(news);
      pauseMs = firstPauseMs;
      waitMs = revocationPollMs;
    } catch (error) {
      if (Fault.is(error) && error.context["nobody_listens"] === true) cache.hearNobody();
      // Its silence is the news: the cache judges by when it last heard anything.
      await sleep(world, pauseMs);
      pauseMs = Math.min(pauseMs * 2, longestPauseMs);
      waitMs = 0;
    }
  }
}

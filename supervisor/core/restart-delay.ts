/** How often a process has died in a row without having been healthy in between. */
export interface RestartHistory {
  readonly deaths: number;
}

const firstDelayMs = 100;
const longestDelayMs = 5000;
/** After a life in which it was ready: it can start, so it is missed more than it is mistrusted. */
const longestOnceReadyMs = 400;
const healthyAfterMs = 30_000;

export const noDeaths: RestartHistory = { deaths: 0 };

/**
 * When to start a process again that has just died: the first time at once, then after 100 ms,
 * doubling up to 5 s, or to 400 ms where it had come to serve. A life of 30 s clears the record, so
 * that one bad night costs nothing later.
 */
export function nextRestart(
  history: RestartHistory,
  { livedMs, wasReady }: { readonly livedMs: number; readonly wasReady: boolean },
): { readonly delayMs: number; readonly history: RestartHistory } {
  const deaths = livedMs >= healthyAfterMs ? 0 : history.deaths;
  const longestMs = wasReady ? longestOnceReadyMs : longestDelayMs;
  const delayMs = deaths === 0 ? 0 : Math.min(firstDelayMs * 2 ** (deaths - 1), longestMs);
  return { delayMs, history: { deaths: deaths + 1 } };
}

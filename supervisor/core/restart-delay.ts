/** How often a process has died in a row without having been healthy in between. */
export interface RestartHistory {
  readonly deaths: number;
}

const firstDelayMs = 100;
const longestDelayMs = 5000;
const healthyAfterMs = 30_000;

export const noDeaths: RestartHistory = { deaths: 0 };

/**
 * When to start a process again that has just died: the first time at once, then after 100 ms,
 * doubling up to 5 s. A life of 30 s clears the record, so that one bad night costs nothing later.
 */
export function nextRestart(
  history: RestartHistory,
  { livedMs }: { readonly livedMs: number },
): { readonly delayMs: number; readonly history: RestartHistory } {
  const deaths = livedMs >= healthyAfterMs ? 0 : history.deaths;
  const delayMs = deaths === 0 ? 0 : Math.min(firstDelayMs * 2 ** (deaths - 1), longestDelayMs);
  return { delayMs, history: { deaths: deaths + 1 } };
}

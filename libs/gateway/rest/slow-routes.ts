/**
 * Which routes were found slow a moment ago. The first request finds out by waiting; those after it
 * are answered from the copy at once, and only every few seconds one looks again.
 */
export interface SlowRoutes {
  /** How long to wait for the service behind a route when a copy could stand in. */
  patienceMs(operationId: string): number;
  wasSlow(operationId: string): void;
  wasInTime(operationId: string): void;
}

const slowForMs = 5_000;
/** Enough for a service that is well again, and too little to be noticed. */
const shortPatienceMs = 50;

export function createSlowRoutes(options: {
  readonly staleAfterMs: number;
  readonly monotonicMs: () => number;
}): SlowRoutes {
  const { staleAfterMs, monotonicMs } = options;
  const slowUntilMs = new Map<string, number>();
  return {
    patienceMs(operationId) {
      const isSlow = (slowUntilMs.get(operationId) ?? 0) > monotonicMs();
      return isSlow ? Math.min(shortPatienceMs, staleAfterMs) : staleAfterMs;
    },
    wasSlow(operationId) {
      // Not prolonged by those who did not wait: somebody has to look again.
      if ((slowUntilMs.get(operationId) ?? 0) > monotonicMs()) return;
      slowUntilMs.set(operationId, monotonicMs() + slowForMs);
    },
    wasInTime: (operationId) => void slowUntilMs.delete(operationId),
  };
}

/**
 * Concurrency is counted as places that holders hold. Each holder's places vanish when it has been
 * silent for too long, so what a dead gateway held comes back by itself.
 */
export interface PlaceDecision {
  /** What the asking holder holds from now on. */
  readonly places: number;
  /** How many of them are new. */
  readonly granted: number;
  /** What nobody holds. */
  readonly remaining: number;
}

/**
 * `others` are the places of all other holders. A holder keeps what it holds even where the limit
 * was lowered below that: requests under way are not cut.
 */
export function decidePlaces(request: {
  readonly amount: number;
  readonly others: number;
  readonly own: number;
  readonly wanted: number;
}): PlaceDecision {
  const { amount, others, own, wanted } = request;
  const free = Math.max(0, amount - others - own);
  const granted = Math.min(free, wanted);
  return { places: own + granted, granted, remaining: free - granted };
}

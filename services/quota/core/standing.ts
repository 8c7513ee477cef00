/** When money that lies ready at a gateway is wanted back: pure. */

/** Money that lies ready at all gateways together is at most one part in this many of the credit. */
const partsOfCredit = 10n;
/** So long after somebody was refused for want of money nobody keeps any in stock. */
const calledInMs = 5_000;

/**
 * Whether a holder that needs nothing now is to give its stock back: because there is too much of
 * it about, or because somebody was short of money just now.
 */
export function isCalledIn(stock: {
  /** What holders have in stock, this one's included: neither carved nor charged. */
  readonly stockNanos: bigint;
  readonly availableNanos: bigint;
  /** When somebody was last refused while others had a stock. */
  readonly shortAtMs: number;
  readonly nowMs: number;
}): boolean {
  const { stockNanos, availableNanos, shortAtMs, nowMs } = stock;
  if (nowMs - shortAtMs < calledInMs) return true;
  return stockNanos * partsOfCredit > availableNanos + stockNanos;
}

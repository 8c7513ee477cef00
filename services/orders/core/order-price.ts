/** What an order costs and gives, worked out once and frozen. Whole nanos throughout. */
import type { ProductTerms } from "./product.ts";

export interface OrderPrice {
  readonly netNanos: bigint;
  readonly taxNanos: bigint;
  readonly totalNanos: bigint;
  readonly creditNanos: bigint;
  /** Credit for one unit of the net price: decimal text, rounded down to nine digits. */
  readonly exchangeRate: string;
}

const million = 1_000_000n;
const billion = 1_000_000_000n;

/** The smallest part of a currency that is paid in: a hundredth. Tax is rounded to it, half up. */
const centNanos = 10_000_000n;

export function priceOf(terms: ProductTerms, quantity: number): OrderPrice {
  const netNanos = terms.priceNanos * BigInt(quantity);
  const creditNanos = terms.creditNanos * BigInt(quantity);
  const exactTax = (netNanos * BigInt(terms.taxPpm)) / million;
  const taxNanos = ((exactTax + centNanos / 2n) / centNanos) * centNanos;
  const rate = (creditNanos * billion) / netNanos;
  const fraction = (rate % billion).toString().padStart(9, "0").replace(/0+$/, "");
  const exchangeRate = `${rate / billion}${fraction === "" ? "" : `.${fraction}`}`;
  return { netNanos, taxNanos, totalNanos: netNanos + taxNanos, creditNanos, exchangeRate };
}

/**
 * The credit that goes with a refund: the refunds so far and this one together take exactly the
 * share of the money they give back, so that many small ones come to what one large one would.
 */
export function creditShare(order: {
  readonly totalNanos: bigint;
  readonly creditNanos: bigint;
  /** Of refunds before this one, those under way included. */
  readonly refundedNanos: bigint;
  readonly amountNanos: bigint;
}): bigint {
  const { totalNanos, creditNanos, refundedNanos, amountNanos } = order;
  const upTo = (money: bigint): bigint => (creditNanos * money) / totalNanos;
  return upTo(refundedNanos + amountNanos) - upTo(refundedNanos);
}

/** The tax within a part of the total, so that all parts together have all of it. */
export function taxShare(order: {
  readonly totalNanos: bigint;
  readonly taxNanos: bigint;
  readonly refundedNanos: bigint;
  readonly amountNanos: bigint;
}): bigint {
  return creditShare({ ...order, creditNanos: order.taxNanos });
}

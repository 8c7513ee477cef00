/**
 * Money as whole nanos: integers of 10⁻⁹ of a currency unit, always `bigint`. A token
 * at 0.003625 USD per million tokens costs 3.625 nanos, so prices are kept as nanos per million
 * tokens and a charge is rounded once, up, at the end of a request.
 */
import { Fault } from "./fault.ts";

export const NANOS_PER_UNIT = 1_000_000_000n;
const TOKENS_PER_PRICE = 1_000_000n;
const decimal = /^(-?)(\d{1,15})(?:\.(\d{1,9}))?$/;

/** "12.5" → 12500000000n. Up to fifteen digits before the point and nine behind; else a fault. */
export function parseNanos(text: string): bigint {
  const match = decimal.exec(text);
  if (match === null) {
    throw new Fault({
      code: "invalid_argument",
      reason: "money.malformed",
      blame: "client",
      publicMessage: `"${text.slice(0, 40)}" is not an amount. Write it like "12.50".`,
    });
  }
  const [, sign = "", whole = "0", fraction = ""] = match;
  const nanos = BigInt(whole) * NANOS_PER_UNIT + BigInt(fraction.padEnd(9, "0"));
  return sign === "-" ? -nanos : nanos;
}

/** 12500000000n → "12.50". At least two digits behind the point, never a rounded one. */
export function formatNanos(nanos: bigint): string {
  const sign = nanos < 0n ? "-" : "";
  const size = nanos < 0n ? -nanos : nanos;
  const fraction = (size % NANOS_PER_UNIT).toString().padStart(9, "0");
  return `${sign}${size / NANOS_PER_UNIT}.${fraction.slice(0, 2)}${fraction.slice(2).replace(/0+$/, "")}`;
}

/** What `tokens` cost at `nanosPerMillion`, as an exact fraction's numerator over one million. */
export function tokensToNanos(tokens: number, nanosPerMillion: bigint): bigint {
  return BigInt(tokens) * nanosPerMillion;
}

/** Sums numerators of `tokensToNanos` and rounds up to whole nanos: the platform's one rounding. */
export function addNanos(numerators: readonly bigint[]): bigint {
  let sum = 0n;
  for (const numerator of numerators) sum += numerator;
  return (sum + TOKENS_PER_PRICE - 1n) / TOKENS_PER_PRICE;
}

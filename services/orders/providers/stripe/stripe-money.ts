/** Amounts as Stripe counts them (https://docs.stripe.com/currencies): in a currency's minor unit. */
const withoutDecimals = new Set(
  "BIF CLP DJF GNF JPY KMF KRW MGA PYG RWF UGX VND VUV XAF XOF XPF".split(" "),
);

function unitNanos(currency: string): bigint {
  return withoutDecimals.has(currency) ? 1_000_000_000n : 10_000_000n;
}

/** Undefined for an amount that has no whole number of minor units. */
export function toMinorUnits(nanos: bigint, currency: string): number | undefined {
  const unit = unitNanos(currency);
  return nanos % unit === 0n ? Number(nanos / unit) : undefined;
}

export function fromMinorUnits(amount: number, currency: string): bigint {
  return BigInt(amount) * unitNanos(currency);
}

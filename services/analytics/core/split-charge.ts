/** A price of a million tokens is in nanos, so a product with tokens is in millionths of a nano. */
export interface Metered {
  readonly tokens: bigint;
  /** Nanos for a million. */
  readonly price: bigint;
}

/**
 * Divides what was charged over its meters by what each comes to, to the nano: the parts add up to
 * the charge exactly, and each is within one nano of its share. Charges were rounded up once for
 * each request, or bounded by a reservation, so the products alone do not add up to them. Undefined
 * when no meter has a price, so that there is nothing to divide by.
 */
export function splitCharge(
  charged: bigint,
  meters: readonly Metered[],
): readonly bigint[] | undefined {
  const products = meters.map(({ tokens, price }) => tokens * price);
  const total = products.reduce((sum, product) => sum + product, 0n);
  if (total === 0n) return charged === 0n ? meters.map(() => 0n) : undefined;
  const parts = products.map((product) => (charged * product) / total);
  const rests = products.map((product, index) => ({ index, rest: (charged * product) % total }));
  let missing = charged - parts.reduce((sum, part) => sum + part, 0n);
  // Largest remainder first.
  for (const { index } of rests.sort((left, right) => (left.rest < right.rest ? 1 : -1))) {
    if (missing === 0n) break;
    parts[index] = (parts[index] ?? 0n) + 1n;
    missing -= 1n;
  }
  return parts;
}

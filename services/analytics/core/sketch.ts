/**
 * Percentiles from counts in bins that grow by a constant factor (the idea of DDSketch, Masson et
 * al., VLDB 2019). Two sketches are merged by adding their counts, in any order and without loss;
 * so minutes make hours and days, and two replicas may each add theirs. A percentile is within two
 * hundredths of a true one.
 */
const accuracy = 0.02;
const growth = (1 + accuracy) / (1 - accuracy);
const logGrowth = Math.log(growth);

/** In a database a sketch is a list of numbers, each a bin above 32 bits of its count. */
const countBits = 32n;
const countMask = (1n << countBits) - 1n;

/** By bin. */
export type Sketch = ReadonlyMap<number, number>;

/** The bin of a duration in milliseconds; all up to one millisecond share the first. */
export function binOf(ms: number): number {
  return ms <= 1 ? 0 : Math.ceil(Math.log(ms) / logGrowth - 1e-9);
}

/** The duration that stands for a bin. */
export function durationOf(bin: number): number {
  return bin === 0 ? 1 : (2 * growth ** bin) / (growth + 1);
}

export function packSketch(sketch: Sketch): readonly bigint[] {
  return [...sketch]
    .sort(([left], [right]) => left - right)
    .map(([bin, count]) => (BigInt(bin) << countBits) | BigInt(count));
}

export function unpackSketch(packed: readonly bigint[]): Sketch {
  const sketch = new Map<number, number>();
  for (const entry of packed) {
    const bin = Number(entry >> countBits);
    sketch.set(bin, (sketch.get(bin) ?? 0) + Number(entry & countMask));
  }
  return sketch;
}

export function mergeSketches(sketches: Iterable<Sketch>): Sketch {
  const merged = new Map<number, number>();
  for (const sketch of sketches) {
    for (const [bin, count] of sketch) merged.set(bin, (merged.get(bin) ?? 0) + count);
  }
  return merged;
}

export function countOf(sketch: Sketch): number {
  let count = 0;
  for (const each of sketch.values()) count += each;
  return count;
}

/** The durations below which these shares (0 to 1, ascending) lie; zeros where there are none. */
export function percentilesOf(sketch: Sketch, shares: readonly number[]): readonly number[] {
  const bins = [...sketch].sort(([left], [right]) => left - right);
  const count = countOf(sketch);
  if (count === 0) return shares.map(() => 0);
  const found: number[] = [];
  let passed = 0;
  let at = 0;
  for (const share of shares) {
    const wanted = Math.max(1, Math.ceil(share * count));
    while (at < bins.length && passed + (bins[at]?.[1] ?? 0) < wanted) {
      passed += bins[at]?.[1] ?? 0;
      at += 1;
    }
    found.push(durationOf(bins[at]?.[0] ?? 0));
  }
  return found;
}

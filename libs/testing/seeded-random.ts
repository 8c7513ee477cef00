/** Repeatable randomness: the same seed gives the same sequence on every machine. */
export interface SeededRandom {
  /** Uniform in [0, 1). */
  fraction(): number;
  /** Uniform whole number in [0, below). */
  integer(below: number): number;
  bytes(length: number): Uint8Array;
  /** One element of a list that is not empty. */
  pick<Item>(items: readonly Item[]): Item;
}

/** 32 bits of a text, by FNV-1a; for seeds and deterministic choices, never for secrets. */
export function hashText(text: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  }
  return mixBits(hash);
}

/** Spreads the bits of a 32-bit number (the finaliser of MurmurHash3); unsigned. */
export function mixBits(value: number): number {
  let bits = value;
  bits = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b);
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35);
  return (bits ^ (bits >>> 16)) >>> 0;
}

/** A generator of the family `mulberry32`: period 2³², four lines, good enough for tests. */
export function seededRandom(seed: number | string): SeededRandom {
  let state = typeof seed === "string" ? hashText(seed) : seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let bits = Math.imul(state ^ (state >>> 15), state | 1);
    bits ^= bits + Math.imul(bits ^ (bits >>> 7), bits | 61);
    return (bits ^ (bits >>> 14)) >>> 0;
  };
  const fraction = (): number => next() / 0x1_0000_0000;
  return {
    fraction,
    integer: (below) => Math.floor(fraction() * below),
    bytes: (length) => Uint8Array.from({ length }, () => next() & 255),
    pick: (items) => {
      const item = items[Math.floor(fraction() * items.length)];
      if (item === undefined) throw new RangeError("nothing to pick from");
      return item;
    },
  };
}

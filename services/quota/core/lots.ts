/**
 * Credit comes in lots, each granted or purchased, some with an expiry. Every charge uses them in
 * one order: soonest to expire, then granted, then purchased, then oldest.
 */
export type CreditKind = "granted" | "purchased";

export interface Lot {
  readonly id: string;
  readonly kind: CreditKind;
  readonly remainingNanos: bigint;
  /** Milliseconds since 1970; undefined for never. */
  readonly expiresAtMs: number | undefined;
}

/** Part of a charge that one lot pays for. */
export interface LotUse {
  readonly lotId: string;
  readonly nanos: bigint;
}

/** Ids sort by the time they were made, so they settle what is equal otherwise. */
export function byOrderOfUse(left: Lot, right: Lot): number {
  const leftExpiry = left.expiresAtMs ?? Number.POSITIVE_INFINITY;
  const rightExpiry = right.expiresAtMs ?? Number.POSITIVE_INFINITY;
  if (leftExpiry !== rightExpiry) return leftExpiry < rightExpiry ? -1 : 1;
  if (left.kind !== right.kind) return left.kind === "granted" ? -1 : 1;
  if (left.id === right.id) return 0;
  return left.id < right.id ? -1 : 1;
}

/** The lots of one wallet while a batch of charges is laid against them. */
export class LotQueue {
  readonly #lots: { readonly lot: Lot; remaining: bigint }[];
  #first = 0;

  constructor(lots: readonly Lot[]) {
    this.#lots = lots
      .filter((lot) => lot.remainingNanos > 0n)
      .sort(byOrderOfUse)
      .map((lot) => ({ lot, remaining: lot.remainingNanos }));
  }

  /** Uses up `nanos` in order. Throws a `RangeError` when the lots do not hold as much. */
  use(nanos: bigint): readonly LotUse[] {
    const uses: LotUse[] = [];
    let left = nanos;
    while (left > 0n) {
      const entry = this.#lots[this.#first];
      if (entry === undefined) throw new RangeError("the lots hold less than the wallet");
      const used = left < entry.remaining ? left : entry.remaining;
      if (used > 0n) uses.push({ lotId: entry.lot.id, nanos: used });
      entry.remaining -= used;
      left -= used;
      if (entry.remaining === 0n) this.#first += 1;
    }
    return uses;
  }
}

/**
 * What expires now, lot by lot. What is held for requests under way counts against the lots that
 * come first in the order of use, so credit never expires under a request that began in time; it
 * expires when the hold comes back.
 */
export function expiredParts(
  lots: readonly Lot[],
  { nowMs, heldNanos }: { readonly nowMs: number; readonly heldNanos: bigint },
): readonly LotUse[] {
  const parts: LotUse[] = [];
  let held = heldNanos;
  for (const lot of [...lots].sort(byOrderOfUse)) {
    if (lot.expiresAtMs === undefined || lot.expiresAtMs > nowMs) break;
    const kept = held < lot.remainingNanos ? held : lot.remainingNanos;
    held -= kept;
    if (lot.remainingNanos > kept) parts.push({ lotId: lot.id, nanos: lot.remainingNanos - kept });
  }
  return parts;
}

/**
 * What of some lots may be taken back now, lot by lot, and what could be later: what is held for
 * requests under way counts against the lots that come first in the order of use.
 */
export function takeableParts(
  lots: readonly Lot[],
  { lotIds, heldNanos }: { readonly lotIds: ReadonlySet<string>; readonly heldNanos: bigint },
): { readonly now: readonly LotUse[]; readonly laterNanos: bigint } {
  const now: LotUse[] = [];
  let held = heldNanos;
  let laterNanos = 0n;
  for (const lot of [...lots].sort(byOrderOfUse)) {
    const kept = held < lot.remainingNanos ? held : lot.remainingNanos;
    held -= kept;
    if (!lotIds.has(lot.id)) continue;
    laterNanos += lot.remainingNanos;
    if (lot.remainingNanos > kept) now.push({ lotId: lot.id, nanos: lot.remainingNanos - kept });
  }
  return { now, laterNanos };
}

/** The first `nanos` of these parts. */
export function firstOf(parts: readonly LotUse[], nanos: bigint): readonly LotUse[] {
  const uses: LotUse[] = [];
  let left = nanos;
  for (const part of parts) {
    if (left === 0n) break;
    const used = part.nanos < left ? part.nanos : left;
    uses.push({ lotId: part.lotId, nanos: used });
    left -= used;
  }
  return uses;
}

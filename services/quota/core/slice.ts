/**
 * How much of a wallet one call may lease. While there is plenty, a holder gets what it needs and a
 * stock of at most one hundredth of what is left; near the end it gets what it needs and nothing
 * more, so that no replica sits on money that another one's caller is refused for.
 */
import type { SubjectField } from "./subject.ts";

export type LimitSource = "wallet" | "organisation" | SubjectField;

/** Something a slice must fit into: what the wallet has, or what a budget leaves. */
export interface Room {
  readonly source: LimitSource;
  readonly remainingNanos: bigint;
  /** When this room grows by itself; 0 for never. */
  readonly resetsAtMs: number;
}

export interface SliceRequest {
  /** What waiting requests lack. */
  readonly neededNanos: bigint;
  /** What the least of them needs: less than this is of no use to anybody. */
  readonly leastNanos: bigint;
  /** What the holder has in stock, not carved for any request. */
  readonly stockNanos: bigint;
  /** At least one. */
  readonly rooms: readonly Room[];
}

export interface SliceDecision {
  readonly grantNanos: bigint;
  /** The room that fell short; undefined when everything needed was granted. */
  readonly shortOf: Room | undefined;
  /** Hold nothing in stock. */
  readonly isScarce: boolean;
}

/** A stock is one part in this many of the room (at most 1 % of the balance). */
const partsOfStock = 100n;
/** Below this many slices things are scarce (near zero go synchronous). */
const slicesMin = 20n;

export function decideSlice(request: SliceRequest): SliceDecision {
  const { rooms, neededNanos, stockNanos } = request;
  const tightest = rooms.reduce((least, room) =>
    room.remainingNanos < least.remainingNanos ? room : least,
  );
  const roomNanos = larger(tightest.remainingNanos, 0n);
  const isScarce = roomNanos < slicesMin * larger(neededNanos, stockNanos);
  if (neededNanos <= 0n) return { grantNanos: 0n, shortOf: undefined, isScarce };
  if (roomNanos < neededNanos) {
    const isUseful = roomNanos >= larger(request.leastNanos, 1n);
    return { grantNanos: isUseful ? roomNanos : 0n, shortOf: tightest, isScarce: true };
  }
  const refillNanos = isScarce ? 0n : larger(roomNanos / partsOfStock - stockNanos, 0n);
  const grantNanos = larger(neededNanos, refillNanos);
  return { grantNanos, shortOf: undefined, isScarce };
}

function larger(left: bigint, right: bigint): bigint {
  return left > right ? left : right;
}

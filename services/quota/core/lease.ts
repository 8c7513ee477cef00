/**
 * The life of a wallet lease, as quota sees it.
 *
 * States:
 * - `active`: its holder may carve reservations from it, until `validMs` after its last answer.
 * - `draining`: nothing may be carved any more; what was carved is settled, the rest comes back.
 *   Entered when budgets changed, a period ended, the holder restarted or fell silent. No way back:
 *   the holder opens another lease.
 * - `closed`: holds nothing. Settlements that still arrive are charged to the wallet itself.
 *
 * What a silent holder may have carved is not known here, so it stays held until the longest
 * request is over; only what the holder had promised not to touch (`ceilingNanos`) returns early.
 */
import type { Scope } from "./subject.ts";

export type LeaseState = "active" | "draining" | "closed";

export interface Lease {
  readonly id: string;
  readonly organisationId: string;
  readonly holder: string;
  /** One life of the holder. */
  readonly incarnation: string;
  readonly scope: Scope;
  readonly state: LeaseState;
  /** An answer has told the holder that it may not carve any more. */
  readonly isTold: boolean;
  /** The most that may be carved; undefined for all of it. */
  readonly ceilingNanos: bigint | undefined;
  readonly lastCall: bigint;
  readonly renewedAtMs: number;
}

/** All in milliseconds. */
export interface LeaseTimes {
  /** How long a holder may carve without another answer. */
  readonly validMs: number;
  /** Added to `validMs` before a holder counts as silent: transport and clocks. */
  readonly graceMs: number;
  /** The longest a request may take, and its settlement after it. */
  readonly requestMs: number;
}

/** What time has done to a lease: its state now, and what of the hold returns to the wallet. */
export interface Ageing {
  readonly state: LeaseState;
  readonly releaseNanos: bigint;
  /** When there will be something to do again; undefined once closed. */
  readonly dueAtMs: number | undefined;
}

export function ageLease(
  lease: Pick<Lease, "state" | "ceilingNanos" | "renewedAtMs">,
  now: { readonly heldNanos: bigint; readonly nowMs: number; readonly times: LeaseTimes },
): Ageing {
  const { heldNanos, nowMs, times } = now;
  if (lease.state === "closed")
    return { state: "closed", releaseNanos: heldNanos, dueAtMs: undefined };
  const silentAtMs = lease.renewedAtMs + times.validMs + times.graceMs;
  // The last moment at which it may have carved, and the longest request from then on.
  const overAtMs = silentAtMs + times.requestMs;
  if (nowMs >= overAtMs) return { state: "closed", releaseNanos: heldNanos, dueAtMs: undefined };
  if (nowMs < silentAtMs) return { state: lease.state, releaseNanos: 0n, dueAtMs: silentAtMs };
  const ceilingNanos = lease.ceilingNanos ?? heldNanos;
  const releaseNanos = heldNanos > ceilingNanos ? heldNanos - ceilingNanos : 0n;
  if (heldNanos === releaseNanos) return { state: "closed", releaseNanos, dueAtMs: undefined };
  return { state: "draining", releaseNanos, dueAtMs: overAtMs };
}

/** What the holder says with a call. */
export interface LeaseCall {
  readonly holder: string;
  readonly incarnation: string;
  readonly organisationId: string;
  /** 1, 2, 3 … within the lease. */
  readonly call: bigint;
  readonly carvedNanos: bigint;
  readonly returnedNanos: bigint;
  /** What the holder counts as its own afterwards; goes before `returnedNanos` where it is set. */
  readonly keptNanos: bigint | undefined;
}

/**
 * - `foreign`: not this holder's lease, or not this organisation's.
 * - `repeat`: answered before; give the same answer.
 * - `apply`: release this much, then grant what is needed if the lease is still active.
 */
export type CallVerdict =
  | { readonly kind: "foreign" }
  | { readonly kind: "repeat" }
  | { readonly kind: "apply"; readonly state: LeaseState; readonly releaseNanos: bigint };

/**
 * Judges a call on an existing lease. `isStale` says that the budgets the lease is held against are
 * no longer the ones that apply.
 *
 * A holder makes a call only when it knows the answer to the one before. So once it has been told
 * to stop, what it reports as carved is final; until then it may have carved more since it spoke,
 * and only what it returns expressly is free.
 */
export function judgeCall(
  lease: Lease,
  given: {
    readonly call: LeaseCall;
    readonly heldNanos: bigint;
    readonly isStale: boolean;
    readonly nowMs: number;
    readonly times: LeaseTimes;
  },
): CallVerdict {
  const { call, heldNanos, isStale, nowMs, times } = given;
  const isOwn =
    lease.holder === call.holder &&
    lease.incarnation === call.incarnation &&
    lease.organisationId === call.organisationId;
  if (!isOwn) return { kind: "foreign" };
  if (call.call <= lease.lastCall) return { kind: "repeat" };
  const aged = ageLease(lease, { heldNanos, nowMs, times });
  const isOver = aged.state === "closed" || (lease.isTold && call.carvedNanos <= 0n);
  if (isOver) return { kind: "apply", state: "closed", releaseNanos: heldNanos };
  const uncarvedNanos = larger(heldNanos - call.carvedNanos, 0n);
  const returnedNanos =
    call.keptNanos === undefined ? call.returnedNanos : heldNanos - call.keptNanos;
  const freeNanos = larger(returnedNanos, aged.releaseNanos);
  const state = aged.state === "active" && !isStale ? "active" : "draining";
  return { kind: "apply", state, releaseNanos: smaller(freeNanos, uncarvedNanos) };
}

/** What may be carved at most after this call: a holder that knows to stop carves no more. */
export function ceilingAfter(
  lease: Pick<Lease, "isTold">,
  call: { readonly carvedNanos: bigint; readonly ceilingNanos: bigint | undefined },
): bigint | undefined {
  return lease.isTold ? call.carvedNanos : call.ceilingNanos;
}

function larger(left: bigint, right: bigint): bigint {
  return left > right ? left : right;
}

function smaller(left: bigint, right: bigint): bigint {
  return left < right ? left : right;
}

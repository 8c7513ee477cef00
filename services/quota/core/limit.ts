/** Rate limits: what applies to a caller, and how much a gateway may take at once. */
import { amountAt, type Raise, raiseAt } from "./raise.ts";
import { appliesTo, type Setter, type Subject } from "./subject.ts";

export const limitKinds = ["requests", "tokens", "concurrency"] as const;
export type LimitKind = (typeof limitKinds)[number];

export interface Limit {
  readonly id: string;
  readonly subject: Subject;
  readonly kind: LimitKind;
  /** Of requests or tokens in a window; of places for concurrency. */
  readonly amount: number;
  /** 0 for concurrency. */
  readonly windowMs: number;
  readonly version: bigint;
  /** A default is of the configuration, and gives way to any other. */
  readonly setBy: Setter | "default";
  readonly raise: Raise | undefined;
}

/** A limit as it is at some moment: `amount` is what it lets through now. */
export interface LimitInForce extends Limit {
  /** What follows by itself; undefined where nothing does. */
  readonly next: { readonly atMs: number; readonly amount: number } | undefined;
}

export function limitAt(limit: Limit, nowMs: number): LimitInForce {
  const raise = raiseAt(limit.raise, nowMs);
  if (raise === undefined) return { ...limit, raise, next: undefined };
  const amount = Number(amountAt(BigInt(limit.amount), raise, nowMs));
  return { ...limit, amount, raise, next: { atMs: raise.untilMs, amount: limit.amount } };
}

export function isLimitKind(text: string): text is LimitKind {
  return (limitKinds as readonly string[]).includes(text);
}

export function limitsOf<Kind extends Limit>(
  limits: readonly Kind[],
  caller: Subject,
): readonly Kind[] {
  return limits.filter(({ subject }) => appliesTo(subject, caller));
}

/** A gateway takes what a rate gives in this time. */
const leaseMs = 100;
/** But at most this part of the limit. */
const partOfLimit = 0.01;

/**
 * What one call should take of a limit so that the next ones need no call: what the rate gives in
 * 100 ms, from 1 up to one hundredth of the limit; in any case what is wanted now. Nothing where
 * nothing is wanted.
 */
export function stockOf(limit: Pick<Limit, "amount" | "windowMs">, wanted: number): number {
  if (wanted === 0) return 0;
  const { amount, windowMs } = limit;
  const inLease = windowMs === 0 ? 0 : (amount / windowMs) * leaseMs;
  const stock = Math.max(1, Math.floor(Math.min(inLease, amount * partOfLimit)));
  return Math.max(wanted, stock);
}

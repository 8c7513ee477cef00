/** What a settled request costs whom: pure, over the balances that a transaction has locked. */
import type { BudgetMark, Return } from "./give-back.ts";
import type { LotQueue, LotUse } from "./lots.ts";
import { appliesTo, type Subject } from "./subject.ts";
import type { Tokens } from "./tokens.ts";

export interface Settlement extends Subject, Tokens {
  readonly requestId: string;
  /** Empty when nothing was reserved: a free model, an answer from the cache. */
  readonly leaseId: string;
  readonly upstream: string;
  readonly reservedNanos: bigint;
  readonly chargedNanos: bigint;
  readonly upstreamNanos: bigint;
  readonly atMs: number;
  readonly outcome: string;
  readonly estimated: boolean;
  readonly priceId: string;
  readonly currency: string;
  /** What a second settlement of the request asked for beyond the first. */
  readonly isRest?: boolean;
  /** Told by gateways from this version on. */
  readonly detail?: CallDetail | undefined;
}

/** How a call went: nothing of the ledger's, passed on to analytics. */
export interface CallDetail {
  readonly endpoint: string;
  readonly status: number;
  readonly durationMs: number;
  readonly firstTokenMs: number;
  readonly stream: boolean;
  readonly upstreamKnown: boolean;
  /** Nanos for a million tokens. */
  readonly inputPrice: bigint;
  readonly cachedInputPrice: bigint;
  readonly outputPrice: bigint;
  /** Calls that this stands for; 0 is 1. */
  readonly requests: number;
}

/** Why a settlement can never be booked. */
export type RefusalKind = "malformed" | "conflict" | "unknown_lease" | "foreign_lease";
/**
 * What is odd about one that was booked.
 * - `over_reserved`: asked for more than was reserved; the reserved amount was charged.
 * - `late`: its lease had been given back already; the wallet itself was charged.
 * - `uncovered`: the wallet had less than that; the difference is the platform's loss.
 */
export type OddityKind = "over_reserved" | "late" | "uncovered";

export type AnomalyKind = RefusalKind | OddityKind;

/** Of calls that were turned away before anything was reserved: told, not booked. */
const refusedOutcome = "refused";
/** The client was told the whole answer, and what it costs. */
export const completeOutcome = "complete";
const outcomes = new Set([completeOutcome, "partial", "failed", "cached", refusedOutcome]);
const nanosMax = 2n ** 63n - 1n;
const textMax = 512;

/** What is wrong with the settlement itself; undefined when nothing is. */
export function flawOf(settlement: Settlement): string | undefined {
  const { requestId, organisationId, reservedNanos, chargedNanos, upstreamNanos } = settlement;
  if (requestId === "") return "it has no request id";
  if (organisationId === "") return "it has no organisation";
  if (!outcomes.has(settlement.outcome)) return `its outcome is "${settlement.outcome}"`;
  if (settlement.outcome === refusedOutcome && chargedNanos + reservedNanos !== 0n) {
    return "a refused call costs nothing";
  }
  for (const text of [requestId, organisationId, settlement.leaseId, settlement.model]) {
    if (text.length > textMax || text.includes("\0")) return "a name in it cannot be stored";
  }
  for (const nanos of [reservedNanos, chargedNanos, upstreamNanos]) {
    if (nanos < 0n || nanos > nanosMax) return `an amount of ${nanos} nanos is out of range`;
  }
  return undefined;
}

/** True for a count of refused calls, which leaves nothing in the books. */
export function isOnlyTold({ outcome }: Settlement): boolean {
  return outcome === refusedOutcome;
}

/** A budget that a lease is held against, in the period it was leased in. */
export interface AttachedBudget extends BudgetMark {
  readonly subject: Subject;
}

export interface LeaseBalance {
  readonly id: string;
  readonly organisationId: string;
  readonly holder: string;
  heldNanos: bigint;
  readonly budgets: readonly AttachedBudget[];
}

export interface WalletBalance {
  readonly currency: string;
  availableNanos: bigint;
  readonly lots: LotQueue;
}

export interface BudgetMove {
  readonly budgetId: string;
  readonly periodKey: string;
  heldNanos: bigint;
  spentNanos: bigint;
}

/** How one settlement is booked. */
export interface Booking {
  readonly settlement: Settlement;
  readonly fromHoldNanos: bigint;
  readonly fromWalletNanos: bigint;
  readonly holdLots: readonly LotUse[];
  readonly walletLots: readonly LotUse[];
  /** The budgets it counts as spent in. */
  readonly spentIn: readonly AttachedBudget[];
  readonly oddities: readonly OddityKind[];
}

export type SettlementVerdict =
  | { readonly kind: "booked"; readonly booking: Booking }
  | { readonly kind: "refused"; readonly reason: RefusalKind; readonly detail: string };

/** Books the settlements of a batch one after another against the balances it was given. */
export class SettlementDesk {
  readonly #holder: string;
  readonly #leases: ReadonlyMap<string, LeaseBalance>;
  readonly #wallets: ReadonlyMap<string, WalletBalance>;
  readonly #budgetMoves = new Map<string, BudgetMove>();

  constructor(books: {
    readonly holder: string;
    readonly leases: ReadonlyMap<string, LeaseBalance>;
    /** By organisation. */
    readonly wallets: ReadonlyMap<string, WalletBalance>;
  }) {
    this.#holder = books.holder;
    this.#leases = books.leases;
    this.#wallets = books.wallets;
  }

  /** What the batch does to budgets, each once. */
  get budgetMoves(): readonly BudgetMove[] {
    return [...this.#budgetMoves.values()];
  }

  book(settlement: Settlement): SettlementVerdict {
    const refuse = (reason: RefusalKind, detail: string): SettlementVerdict => ({
      kind: "refused",
      reason,
      detail,
    });
    const { leaseId, organisationId } = settlement;
    const lease = this.#leases.get(leaseId);
    const wallet = this.#wallets.get(organisationId);
    if (settlement.chargedNanos === 0n) return bookNothing(settlement);
    if (lease === undefined || wallet === undefined) {
      return refuse("unknown_lease", `there is no lease "${leaseId}"`);
    }
    if (lease.organisationId !== organisationId || lease.holder !== this.#holder) {
      return refuse("foreign_lease", `the lease is ${lease.holder}'s for ${lease.organisationId}`);
    }
    if (settlement.currency !== wallet.currency) {
      return refuse("malformed", `the wallet is in ${wallet.currency}`);
    }
    return { kind: "booked", booking: this.#charge(settlement, lease, wallet) };
  }

  #charge(settlement: Settlement, lease: LeaseBalance, wallet: WalletBalance): Booking {
    const { chargedNanos, reservedNanos } = settlement;
    const oddities: OddityKind[] = [];
    if (chargedNanos > reservedNanos) oddities.push("over_reserved");
    const dueNanos = smaller(chargedNanos, reservedNanos);
    const fromHoldNanos = smaller(dueNanos, lease.heldNanos);
    const lateNanos = dueNanos - fromHoldNanos;
    const fromWalletNanos = smaller(lateNanos, wallet.availableNanos);
    if (lateNanos > 0n) oddities.push("late");
    if (lateNanos > fromWalletNanos) oddities.push("uncovered");
    lease.heldNanos -= fromHoldNanos;
    wallet.availableNanos -= fromWalletNanos;
    const spentIn = lease.budgets.filter(({ subject }) => appliesTo(subject, settlement));
    for (const budget of lease.budgets) {
      const move = this.#moveOf(budget);
      move.heldNanos -= fromHoldNanos;
      if (spentIn.includes(budget)) move.spentNanos += fromHoldNanos + fromWalletNanos;
    }
    return {
      settlement,
      fromHoldNanos,
      fromWalletNanos,
      holdLots: wallet.lots.use(fromHoldNanos),
      walletLots: wallet.lots.use(fromWalletNanos),
      spentIn,
      oddities,
    };
  }

  /** Takes what goes back to the wallet off the budgets in which it counts as spent. */
  giveBack(returns: readonly Return[]): void {
    for (const { nanos, budgets } of returns) {
      for (const budget of budgets) this.#moveOf(budget).spentNanos -= nanos;
    }
  }

  #moveOf({ budgetId, periodKey }: BudgetMark): BudgetMove {
    const key = `${budgetId}@${periodKey}`;
    let move = this.#budgetMoves.get(key);
    if (move === undefined) {
      move = { budgetId, periodKey, heldNanos: 0n, spentNanos: 0n };
      this.#budgetMoves.set(key, move);
    }
    return move;
  }
}

function bookNothing(settlement: Settlement): SettlementVerdict {
  return {
    kind: "booked",
    booking: {
      settlement,
      fromHoldNanos: 0n,
      fromWalletNanos: 0n,
      holdLots: [],
      walletLots: [],
      spentIn: [],
      oddities: [],
    },
  };
}

function smaller(left: bigint, right: bigint): bigint {
  return left < right ? left : right;
}

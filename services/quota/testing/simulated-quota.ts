/**
 * The books in memory: the same pure rules as the real store, one message at a time as the wallet's
 * lock makes it. Every change is checked against what must always hold.
 */
import assert from "node:assert/strict";
import {
  ageLease,
  ceilingAfter,
  judgeCall,
  type Lease,
  type LeaseState,
  type LeaseTimes,
} from "../core/lease.ts";
import { LotQueue } from "../core/lots.ts";
import {
  type AttachedBudget,
  type OddityKind,
  type Settlement,
  SettlementDesk,
} from "../core/settlement.ts";
import { decideSlice, type Room } from "../core/slice.ts";
import { appliesTo, type Subject, scopedBy, scopeOf } from "../core/subject.ts";
import type { LeaseAnswer } from "../store/lease-answer.ts";
import type { WalletCall } from "../store/leases.ts";

interface HeldLease {
  lease: Lease;
  heldNanos: bigint;
  answer: LeaseAnswer;
  readonly budgets: readonly AttachedBudget[];
}

export interface SimulatedBudget extends AttachedBudget {
  readonly nanos: bigint;
  spentNanos: bigint;
  heldNanos: bigint;
}

export class SimulatedQuota {
  readonly leases = new Map<string, HeldLease>();
  readonly settled = new Map<string, Settlement>();
  readonly oddities: OddityKind[] = [];
  readonly budgets: readonly SimulatedBudget[];
  availableNanos: bigint;
  chargedNanos = 0n;
  readonly #creditNanos: bigint;
  readonly #times: LeaseTimes;
  readonly #nowMs: () => number;

  constructor(options: {
    readonly creditNanos: bigint;
    readonly budgets: readonly { readonly subject: Subject; readonly nanos: bigint }[];
    readonly times: LeaseTimes;
    readonly nowMs: () => number;
  }) {
    this.#creditNanos = options.creditNanos;
    this.availableNanos = options.creditNanos;
    this.#times = options.times;
    this.#nowMs = options.nowMs;
    this.budgets = options.budgets.map(({ subject, nanos }, index) => {
      const id = { budgetId: `bdg_${index}`, periodKey: "total" };
      return { ...id, subject, nanos, spentNanos: 0n, heldNanos: 0n };
    });
  }

  get heldNanos(): bigint {
    return [...this.leases.values()].reduce((sum, { heldNanos }) => sum + heldNanos, 0n);
  }

  leaseWallet(call: WalletCall): LeaseAnswer {
    const known = this.leases.get(call.leaseId);
    if (known === undefined) return this.#open(call);
    const { lease, heldNanos } = known;
    const given = { nowMs: this.#nowMs(), times: this.#times, heldNanos };
    const verdict = judgeCall(lease, { ...given, call, isStale: false });
    assert.notEqual(verdict.kind, "foreign");
    if (verdict.kind !== "apply") return known.answer;
    this.#move(known, -verdict.releaseNanos);
    const stockNanos = known.heldNanos - call.carvedNanos;
    const decision = decideSlice({
      ...call,
      neededNanos: verdict.state === "active" ? call.neededNanos : 0n,
      stockNanos: stockNanos > 0n ? stockNanos : 0n,
      rooms: this.#rooms(known.budgets),
    });
    this.#move(known, decision.grantNanos);
    known.answer = this.#answer(decision, verdict.state);
    known.lease = {
      ...lease,
      state: verdict.state,
      isTold: known.answer.isSuperseded,
      ceilingNanos: ceilingAfter(lease, call),
      lastCall: call.call,
      renewedAtMs: given.nowMs,
    };
    return known.answer;
  }

  settle(holder: string, settlements: readonly Settlement[]): readonly string[] {
    const total = this.availableNanos + this.heldNanos;
    const lots = new LotQueue([
      { id: "grt_1", kind: "granted", remainingNanos: total, expiresAtMs: undefined },
    ]);
    const wallet = { currency: "USD", availableNanos: this.availableNanos, lots };
    const balances = [...this.leases].map(([id, { lease, heldNanos, budgets }]) => {
      const { organisationId, holder: owner } = lease;
      return [id, { id, organisationId, holder: owner, heldNanos, budgets }] as const;
    });
    const leases = new Map(balances);
    const wallets = new Map([["org_a", wallet]]);
    const desk = new SettlementDesk({ holder, leases, wallets });
    const done: string[] = [];
    for (const settlement of settlements) {
      const earlier = this.settled.get(settlement.requestId);
      if (earlier === undefined) {
        const verdict = desk.book(settlement);
        assert.equal(verdict.kind, "booked");
        if (verdict.kind !== "booked") continue;
        const { fromHoldNanos, fromWalletNanos, oddities } = verdict.booking;
        this.chargedNanos += fromHoldNanos + fromWalletNanos;
        this.oddities.push(...oddities);
        this.settled.set(settlement.requestId, settlement);
      } else
        assert.equal(earlier.chargedNanos, settlement.chargedNanos, "a request changed its charge");
      done.push(settlement.requestId);
    }
    for (const [id, { heldNanos }] of leases) this.#held(id).heldNanos = heldNanos;
    this.availableNanos = wallet.availableNanos;
    for (const move of desk.budgetMoves) {
      const budget = this.budgets.find(({ budgetId }) => budgetId === move.budgetId);
      if (budget === undefined) continue;
      budget.heldNanos += move.heldNanos;
      budget.spentNanos += move.spentNanos;
    }
    this.check();
    return done;
  }

  adopt(holder: string, incarnation: string): readonly string[] {
    const former: string[] = [];
    for (const [id, held] of this.leases) {
      const { lease } = held;
      if (lease.holder !== holder || lease.incarnation === incarnation) continue;
      if (lease.state === "closed") continue;
      held.lease = { ...lease, state: "draining" };
      former.push(id);
    }
    return former;
  }

  release(holder: string, ids: readonly string[]): void {
    for (const id of ids) {
      const held = this.#held(id);
      if (held.lease.holder !== holder) continue;
      this.#move(held, -held.heldNanos);
      held.lease = { ...held.lease, state: "closed" };
    }
  }

  /** What the periodic task does. */
  age(): void {
    for (const held of this.leases.values()) {
      const { heldNanos, lease } = held;
      const given = { heldNanos, nowMs: this.#nowMs(), times: this.#times };
      const { state, releaseNanos } = ageLease(lease, given);
      this.#move(held, -releaseNanos);
      held.lease = { ...lease, state };
    }
  }

  /** Money is neither made nor lost, nothing is below zero, no budget is exceeded. */
  check(): void {
    assert.ok(this.availableNanos >= 0n);
    for (const { heldNanos } of this.leases.values()) assert.ok(heldNanos >= 0n);
    assert.equal(this.availableNanos + this.heldNanos + this.chargedNanos, this.#creditNanos);
    for (const budget of this.budgets) {
      assert.ok(budget.spentNanos + budget.heldNanos <= budget.nanos, "a budget is exceeded");
      assert.ok(budget.heldNanos >= 0n);
    }
  }

  #open(call: WalletCall): LeaseAnswer {
    const scope = scopeOf(call.subject, scopedBy(this.budgets.map(({ subject }) => subject)));
    const budgets = this.budgets.filter(({ subject }) => appliesTo(subject, scope.subject));
    const rooms = this.#rooms(budgets);
    const decision = decideSlice({ ...call, stockNanos: 0n, rooms });
    const isOpened = call.call === 1n && decision.grantNanos > 0n;
    if (!isOpened) return this.#answer({ ...decision, grantNanos: 0n }, "closed");
    const answer = this.#answer(decision, "active");
    const { leaseId: id, holder, incarnation, organisationId, ceilingNanos } = call;
    const who = { id, holder, incarnation, organisationId, scope, ceilingNanos };
    const state = { state: "active" as const, isTold: false, lastCall: 1n };
    const lease: Lease = { ...who, ...state, renewedAtMs: this.#nowMs() };
    const held: HeldLease = { lease, heldNanos: 0n, answer, budgets };
    this.leases.set(id, held);
    this.#move(held, decision.grantNanos);
    return answer;
  }

  #answer(decision: ReturnType<typeof decideSlice>, state: LeaseState): LeaseAnswer {
    return {
      grantedNanos: decision.grantNanos,
      validMs: this.#times.validMs,
      currency: "USD",
      limitSource: decision.shortOf?.source,
      resetsAtMs: 0,
      availableNanos: this.availableNanos,
      scopedBy: scopedBy(this.budgets.map(({ subject }) => subject)),
      isSuperseded: state !== "active",
      isScarce: decision.isScarce,
      isCallingIn: false,
      marks: [],
    };
  }

  #rooms(attached: readonly AttachedBudget[]): readonly Room[] {
    const wallet = { source: "wallet" as const, remainingNanos: this.availableNanos };
    const budgets = this.budgets.filter(({ budgetId }) =>
      attached.some((one) => one.budgetId === budgetId),
    );
    const rooms = budgets.map(({ nanos, spentNanos, heldNanos }) => {
      return { source: "key" as const, remainingNanos: nanos - spentNanos - heldNanos };
    });
    return [wallet, ...rooms].map((room) => ({ ...room, resetsAtMs: 0 }));
  }

  #move(held: HeldLease, nanos: bigint): void {
    held.heldNanos += nanos;
    this.availableNanos -= nanos;
    for (const budget of this.budgets) {
      const isAttached = held.budgets.some(({ budgetId }) => budgetId === budget.budgetId);
      if (isAttached) budget.heldNanos += nanos;
    }
    this.check();
  }

  #held(id: string): HeldLease {
    const held = this.leases.get(id);
    assert.ok(held, `there is no lease ${id}`);
    return held;
  }
}

import {
  holdAccount,
  platformAccount,
  walletAccount,
} from "../../../services/quota/core/account.ts";
import { type GivenBack, takeOff } from "../../../services/quota/core/give-back.ts";
import {
  ageLease,
  ceilingAfter,
  judgeCall,
  type Lease,
  type LeaseState,
  type LeaseTimes,
} from "../../../services/quota/core/lease.ts";
import { LotQueue } from "../../../services/quota/core/lots.ts";
import { type Booked, judgeAgain, restIdsOf } from "../../../services/quota/core/settle-again.ts";
import {
  type Booking,
  flawOf,
  isOnlyTold,
  type RefusalKind,
  type Settlement,
  SettlementDesk,
} from "../../../services/quota/core/settlement.ts";
import { decideSlice } from "../../../services/quota/core/slice.ts";
import { isCalledIn } from "../../../services/quota/core/standing.ts";
import { scopeOf } from "../../../services/quota/core/subject.ts";
import type { LeaseAnswer } from "../../../services/quota/store/lease-answer.ts";
import type { WalletCall } from "../../../services/quota/store/leases.ts";
import type { History } from "../history.ts";
import { correctionsOf, factsOf, type OutboxRow, type UsageNote } from "./usage-outbox.ts";

interface HeldLease {
  lease: Lease;
  answer: LeaseAnswer;
  /** What its holder told last. */
  carvedNanos: bigint;
}

export interface SettleAnswer {
  readonly settled: readonly string[];
  readonly refused: readonly { readonly requestId: string; readonly reason: RefusalKind }[];
}

interface Due {
  readonly settlement: Settlement;
  readonly givenBack: readonly GivenBack[];
}

/**
 * Quota's books as its database keeps them: every method is one transaction. The decisions are the
 * production's (`services/quota/core`); what its SQL does around them is told here anew, in double
 * entry, so that the rules can look at every amount.
 */
export class QuotaBooks {
  readonly outbox: OutboxRow[] = [];
  /** Organisations whose credit changed, in this order; who listens hears of each. */
  readonly changes: string[] = [];
  readonly onChange = new Set<() => void>();
  readonly #shortAtMs = new Map<string, number>();
  readonly #leases = new Map<string, HeldLease>();
  /** By the id under which each is booked, less what was given back of it. */
  readonly #settled = new Map<string, Settlement & Booked>();
  readonly #history: History;
  readonly #times: LeaseTimes;
  readonly #nowMs: () => number;

  constructor(given: {
    readonly history: History;
    readonly times: LeaseTimes;
    readonly nowMs: () => number;
  }) {
    this.#history = given.history;
    this.#times = given.times;
    this.#nowMs = given.nowMs;
  }

  grant(organisationId: string, nanos: bigint): void {
    const source = platformAccount("grants", { currency: "USD", stripe: 0 });
    this.#move(source, walletAccount(organisationId), { nanos, reference: "grant" });
  }

  balanceOf(account: string): bigint {
    return this.#history.balances.get(account) ?? 0n;
  }

  get heldNanos(): bigint {
    let sum = 0n;
    for (const id of this.#leases.keys()) sum += this.balanceOf(holdAccount(id));
    return sum;
  }

  leaseWallet(call: WalletCall): LeaseAnswer {
    const known = this.#leases.get(call.leaseId);
    return known === undefined ? this.#open(call) : this.#renew(call, known);
  }

  #rooms({ organisationId }: WalletCall, freedNanos = 0n) {
    const remainingNanos = this.balanceOf(walletAccount(organisationId)) + freedNanos;
    return [{ source: "wallet" as const, remainingNanos, resetsAtMs: 0 }];
  }

  #open(call: WalletCall): LeaseAnswer {
    const decision = decideSlice({ ...call, stockNanos: 0n, rooms: this.#rooms(call) });
    const isOpened = call.call === 1n && decision.grantNanos > 0n;
    const granted = { ...decision, grantNanos: isOpened ? decision.grantNanos : 0n };
    const answer = this.#answer(call, granted, isOpened ? "active" : "closed");
    if (!isOpened) return answer;
    const { leaseId: id, holder, incarnation, organisationId, ceilingNanos } = call;
    const lease: Lease = {
      ...{ id, holder, incarnation, organisationId, ceilingNanos },
      scope: scopeOf(call.subject, []),
      ...{ state: "active", isTold: false, lastCall: 1n, renewedAtMs: this.#nowMs() },
    };
    this.#leases.set(id, { lease, answer, carvedNanos: call.neededNanos });
    this.#hold(lease, decision.grantNanos);
    return answer;
  }

  #renew(call: WalletCall, known: HeldLease): LeaseAnswer {
    const { lease } = known;
    const heldNanos = this.balanceOf(holdAccount(lease.id));
    const given = { call, heldNanos, isStale: false, nowMs: this.#nowMs(), times: this.#times };
    const verdict = judgeCall(lease, given);
    if (verdict.kind === "foreign") throw new Error(`${lease.id} is ${lease.holder}'s`);
    if (verdict.kind === "repeat") return known.answer;
    const { state, releaseNanos } = verdict;
    const keptNanos = heldNanos - releaseNanos;
    const decision = decideSlice({
      neededNanos: state === "active" ? call.neededNanos : 0n,
      leastNanos: call.leastNanos,
      stockNanos: keptNanos > call.carvedNanos ? keptNanos - call.carvedNanos : 0n,
      rooms: this.#rooms(call, releaseNanos),
    });
    this.#hold(lease, decision.grantNanos - releaseNanos);
    known.carvedNanos = call.carvedNanos + call.neededNanos;
    const isScarce = decision.isScarce || this.#isWanted(call, keptNanos);
    known.answer = this.#answer(call, { ...decision, isScarce }, state);
    known.lease = {
      ...lease,
      state,
      isTold: known.answer.isSuperseded,
      ceilingNanos: ceilingAfter(lease, call),
      lastCall: call.call,
      renewedAtMs: this.#nowMs(),
    };
    return known.answer;
  }

  #answer(
    call: WalletCall,
    decision: ReturnType<typeof decideSlice>,
    state: LeaseState,
  ): LeaseAnswer {
    return {
      grantedNanos: decision.grantNanos,
      validMs: this.#times.validMs,
      currency: "USD",
      limitSource: decision.shortOf?.source,
      resetsAtMs: 0,
      availableNanos: this.balanceOf(walletAccount(call.organisationId)),
      scopedBy: [],
      isSuperseded: state !== "active",
      isScarce: decision.isScarce,
      isCallingIn: decision.shortOf !== undefined && this.callIn(call),
      marks: [],
    };
  }

  #stockBeside(wanted: { readonly organisationId: string; readonly leaseId: string }): bigint {
    let sum = 0n;
    for (const [id, { lease, carvedNanos }] of this.#leases) {
      const isOther = lease.organisationId === wanted.organisationId && id !== wanted.leaseId;
      if (!isOther || lease.state !== "active") continue;
      const stockNanos = this.balanceOf(holdAccount(id)) - carvedNanos;
      if (stockNanos > 0n) sum += stockNanos;
    }
    return sum;
  }

  #isWanted(call: WalletCall, keptNanos: bigint): boolean {
    const { organisationId, neededNanos, carvedNanos } = call;
    if (neededNanos > 0n || keptNanos <= carvedNanos) return false;
    return isCalledIn({
      stockNanos: keptNanos - carvedNanos + this.#stockBeside(call),
      availableNanos: this.balanceOf(walletAccount(organisationId)),
      shortAtMs: this.#shortAtMs.get(organisationId) ?? 0,
      nowMs: this.#nowMs(),
    });
  }

  /** Somebody is short of money that may lie in stock elsewhere. */
  callIn(short: { readonly organisationId: string; readonly leaseId: string }): boolean {
    if (this.#stockBeside(short) === 0n) return false;
    this.#shortAtMs.set(short.organisationId, this.#nowMs());
    this.changes.push(short.organisationId);
    for (const hear of this.onChange) hear();
    return true;
  }

  /** As if everybody were short of the last unit. */
  callAllIn(): void {
    const organisations = new Set(
      [...this.#leases.values()].map((one) => one.lease.organisationId),
    );
    for (const organisationId of organisations) this.callIn({ organisationId, leaseId: "" });
  }

  settle(holder: string, given: readonly Settlement[], eventId: string): SettleAnswer {
    const settled: string[] = [];
    const refused: { requestId: string; reason: RefusalKind }[] = [];
    const bookings: Booking[] = [];
    const givenBack: GivenBack[] = [];
    const desk = this.#deskFor(holder, given);
    for (const settlement of given) {
      const { requestId } = settlement;
      const due = this.#dueOf(settlement);
      if (due === "settled") settled.push(requestId);
      else if (typeof due === "string") refused.push({ requestId, reason: due });
      else {
        const verdict = desk.book(due.settlement);
        if (verdict.kind === "refused") refused.push({ requestId, reason: verdict.reason });
        else {
          bookings.push(verdict.booking);
          settled.push(requestId);
          this.#book(verdict.booking);
          for (const back of due.givenBack) this.#giveBack(due.settlement, back);
          givenBack.push(...due.givenBack);
        }
      }
    }
    for (const { requestId, reason } of refused) this.#history.refusals.push({ requestId, reason });
    if (bookings.length > 0) this.#enqueue(factsOf(bookings), eventId);
    if (givenBack.length > 0) this.#enqueue(correctionsOf(givenBack), `${eventId}+back`);
    return { settled, refused };
  }

  /** What of it is to be booked, and what is to be taken off what is. */
  #dueOf(settlement: Settlement): Due | "settled" | "malformed" | "conflict" {
    if (flawOf(settlement) !== undefined) return "malformed";
    if (isOnlyTold(settlement)) return "settled";
    const { requestId } = settlement;
    const first = this.#settled.get(requestId);
    if (first === undefined) return { settlement, givenBack: [] };
    const rests = restIdsOf(requestId).flatMap((id) => this.#settled.get(id) ?? []);
    const settlements = [first, ...rests];
    const earlier = { organisationId: first.organisationId, settlements };
    const verdict = judgeAgain(earlier, settlement);
    if (verdict.kind !== "more") return verdict.kind === "booked" ? "settled" : "conflict";
    return { settlement: verdict.rest, givenBack: takeOff(settlements, verdict.off) };
  }

  #deskFor(holder: string, given: readonly Settlement[]): SettlementDesk {
    const organisations = new Set(given.map(({ organisationId }) => organisationId));
    const heldNanos = this.heldNanos;
    const wallets = new Map(
      [...organisations].map((id) => {
        const availableNanos = this.balanceOf(walletAccount(id));
        const grant = { id: "grt_1", kind: "granted" as const, expiresAtMs: undefined };
        const lots = new LotQueue([{ ...grant, remainingNanos: availableNanos + heldNanos }]);
        return [id, { currency: "USD", availableNanos, lots }] as const;
      }),
    );
    const leases = new Map(
      [...this.#leases].map(([id, { lease }]) => {
        const { organisationId, holder: owner } = lease;
        const own = this.balanceOf(holdAccount(id));
        const balance = { id, organisationId, holder: owner, heldNanos: own, budgets: [] };
        return [id, balance] as const;
      }),
    );
    return new SettlementDesk({ holder, leases, wallets });
  }

  #book({ settlement, fromHoldNanos, fromWalletNanos, oddities }: Booking): void {
    const { requestId: reference, organisationId } = settlement;
    const revenue = platformAccount("revenue", { currency: "USD", stripe: 0 });
    const chargedNanos = fromHoldNanos + fromWalletNanos;
    const { chargedNanos: askedNanos } = settlement;
    this.#settled.set(reference, { ...settlement, id: reference, askedNanos, chargedNanos });
    this.#move(holdAccount(settlement.leaseId), revenue, { nanos: fromHoldNanos, reference });
    this.#move(walletAccount(organisationId), revenue, { nanos: fromWalletNanos, reference });
    this.#history.settlements.push({
      requestId: reference,
      organisationId,
      reservedNanos: settlement.reservedNanos,
      chargedNanos: settlement.chargedNanos,
      bookedNanos: chargedNanos,
      outputTokens: settlement.outputTokens,
      isEstimated: settlement.estimated,
      outcome: settlement.outcome,
      atMs: this.#nowMs(),
      oddities,
    });
  }

  #giveBack({ organisationId }: Settlement, back: GivenBack): void {
    const { settlementId, nanos, outputTokens } = back;
    const known = this.#settled.get(settlementId);
    if (known === undefined) throw new Error(`${settlementId} is not in the books`);
    this.#settled.set(settlementId, {
      ...known,
      askedNanos: known.askedNanos - nanos,
      chargedNanos: known.chargedNanos - nanos,
      inputTokens: known.inputTokens - back.inputTokens,
      cachedInputTokens: known.cachedInputTokens - back.cachedInputTokens,
      outputTokens: known.outputTokens - outputTokens,
      reasoningTokens: known.reasoningTokens - back.reasoningTokens,
    });
    const source = platformAccount("given_back", { currency: "USD", stripe: 0 });
    const reference = settlementId;
    this.#move(source, walletAccount(organisationId), { nanos, reference });
    this.#history.givenBack.push({ settlementId, nanos, outputTokens });
  }

  #enqueue(facts: readonly UsageNote[], id: string): void {
    const payload = Buffer.from(JSON.stringify(facts));
    const nextAttemptAtMs = this.#nowMs();
    this.outbox.push({ id, payload, attempts: 0, isParked: false, nextAttemptAtMs });
    this.#history.eventsOut.push({ eventId: id, requestIds: facts.map((fact) => fact.id) });
  }

  adopt(holder: string, incarnation: string) {
    const former: { leaseId: string; organisationId: string; heldNanos: bigint }[] = [];
    for (const [leaseId, held] of this.#leases) {
      const { lease } = held;
      const isFormer = lease.holder === holder && lease.incarnation !== incarnation;
      if (!isFormer || lease.state === "closed") continue;
      held.lease = { ...lease, state: "draining" };
      const heldNanos = this.balanceOf(holdAccount(leaseId));
      former.push({ leaseId, organisationId: lease.organisationId, heldNanos });
    }
    return former;
  }

  release(holder: string, ids: readonly string[]): bigint {
    let released = 0n;
    for (const id of ids) {
      const held = this.#leases.get(id);
      const isOwn = held !== undefined && held.lease.holder === holder;
      if (!isOwn || held.lease.state === "closed") continue;
      const nanos = this.balanceOf(holdAccount(id));
      this.#hold(held.lease, -nanos);
      held.lease = { ...held.lease, state: "closed" };
      released += nanos;
    }
    return released;
  }

  /** What the periodic task does. */
  age(): void {
    for (const held of this.#leases.values()) {
      const { lease } = held;
      if (lease.state === "closed") continue;
      const heldNanos = this.balanceOf(holdAccount(lease.id));
      const given = { heldNanos, nowMs: this.#nowMs(), times: this.#times };
      const { state, releaseNanos } = ageLease(lease, given);
      this.#hold(lease, -releaseNanos);
      held.lease = { ...lease, state };
    }
  }

  #hold({ id, organisationId }: Lease, nanos: bigint): void {
    const [wallet, hold] = [walletAccount(organisationId), holdAccount(id)];
    if (nanos >= 0n) this.#move(wallet, hold, { nanos, reference: id });
    else this.#move(hold, wallet, { nanos: -nanos, reference: id });
  }

  #move(
    debit: string,
    credit: string,
    { nanos, reference }: { readonly nanos: bigint; readonly reference: string },
  ): void {
    if (nanos === 0n) return;
    const { balances, transfers } = this.#history;
    balances.set(debit, (balances.get(debit) ?? 0n) - nanos);
    balances.set(credit, (balances.get(credit) ?? 0n) + nanos);
    transfers.push({ debit, credit, nanos, reference });
  }
}

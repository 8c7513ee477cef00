import {
  type LeaseLimitsRequest,
  type LeaseWalletRequest,
  QuotaService,
  type Settlement,
} from "@tandem/contracts/rpc/quota/v1/quota_pb";
import type { Implementation } from "@tandem/libs/rpc";
import { partly } from "./partly.ts";

interface FakeLease {
  held: bigint;
  last: bigint;
  readonly organisationId: string;
  answer: FakeLeaseAnswer;
}

interface FakeLeaseAnswer {
  readonly leaseId: string;
  readonly grantedNanos: bigint;
  readonly validMs: number;
  readonly currency: string;
  readonly limitSource: string;
  readonly availableNanos: bigint;
  readonly superseded: boolean;
  readonly scarce: boolean;
}

interface FakeLimit {
  readonly id: string;
  readonly kind: "requests" | "tokens" | "concurrency";
  readonly limit: number;
  left: number;
}

/** Quota in memory, as its contract has it: one wallet an organisation, limits, a ledger by id. */
export class FakeQuota {
  /** What each organisation's wallet has outside of leases. */
  readonly available = new Map<string, bigint>();
  readonly leases = new Map<string, FakeLease>();
  /** By request id; the first one counts. */
  readonly ledger = new Map<string, Settlement>();
  readonly limits: FakeLimit[] = [];
  /** Places that holders say they hold, by limit and holder; whoever was killed is to be deleted. */
  readonly places = new Map<string, Map<string, number>>();
  readonly calls = { wallet: 0, limits: 0, settle: 0 };

  get spentNanos(): bigint {
    let sum = 0n;
    for (const { chargedNanos } of this.ledger.values()) sum += chargedNanos;
    return sum;
  }

  get heldNanos(): bigint {
    let sum = 0n;
    for (const { held } of this.leases.values()) sum += held;
    return sum;
  }

  implementation(): Implementation {
    return partly(QuotaService, {
      leaseWallet: (request) => Promise.resolve(this.#leaseWallet(request)),
      leaseLimits: (request) => Promise.resolve(this.#leaseLimits(request)),
      settle: ({ settlements }) => Promise.resolve(this.#settle(settlements)),
      adoptLeases: () => Promise.resolve({ leases: [] }),
      watchChanges: ({ waitMs }) =>
        new Promise((resolve) => {
          setTimeout(() => resolve({ sequence: 1n }), Math.min(waitMs, 200));
        }),
      getBalance: ({ organisationId }) =>
        Promise.resolve({
          organisationId,
          currency: "USD",
          grantedNanos: this.available.get(organisationId) ?? 0n,
          isAvailable: (this.available.get(organisationId) ?? 0n) > 0n,
        }),
    });
  }

  #leaseWallet(request: LeaseWalletRequest): FakeLeaseAnswer {
    this.calls.wallet += 1;
    const { leaseId, organisationId } = request;
    const known = this.leases.get(leaseId);
    if (known !== undefined && request.call <= known.last) return known.answer;
    const held = known?.held ?? 0n;
    const kept = request.keptNanos ?? held;
    const released = held > kept ? held - kept : 0n;
    const room = (this.available.get(organisationId) ?? 0n) + released;
    const isShort = request.neededNanos > room;
    const isUseful = room > 0n && room >= request.leastNanos;
    const stock = room / 100n;
    const full = request.neededNanos > stock ? request.neededNanos : stock;
    const granted = request.neededNanos === 0n ? 0n : isShort ? (isUseful ? room : 0n) : full;
    this.available.set(organisationId, room - granted);
    const answer: FakeLeaseAnswer = {
      leaseId,
      grantedNanos: granted,
      validMs: 5_000,
      currency: "USD",
      limitSource: isShort ? "wallet" : "",
      availableNanos: room - granted,
      superseded: known === undefined && granted === 0n,
      scarce: room < request.neededNanos * 20n,
    };
    if (known !== undefined || granted > 0n) {
      const next = { held: held - released + granted, last: request.call, organisationId, answer };
      this.leases.set(leaseId, next);
    }
    return answer;
  }

  #leaseLimits(request: LeaseLimitsRequest) {
    this.calls.limits += 1;
    for (const { limitId, places } of request.held) {
      const holders = this.places.get(limitId) ?? new Map<string, number>();
      this.places.set(limitId, holders.set(request.holder, Number(places)));
    }
    const grants = this.limits.map((limit) => {
      const wanted = Number(
        limit.kind === "tokens"
          ? request.tokensWanted
          : limit.kind === "requests"
            ? request.requestsWanted
            : request.concurrencyWanted,
      );
      const stock = Math.min(limit.left, Math.floor(limit.limit / 100));
      const granted = limit.left >= wanted ? Math.max(wanted, stock) : 0;
      limit.left -= granted;
      return {
        limitId: limit.id,
        kind: limit.kind,
        granted: BigInt(granted),
        limit: BigInt(limit.limit),
        remaining: BigInt(limit.left),
        resetMs: 30_000,
        retryAfterMs: granted === 0 && wanted > 0 ? 30_000 : 0,
        windowMs: limit.kind === "concurrency" ? 0 : 60_000,
      };
    });
    return { grants, validMs: this.limits.length === 0 ? 60_000 : 1_000, placesValidMs: 10_000 };
  }

  #settle(settlements: readonly Settlement[]) {
    this.calls.settle += 1;
    for (const settlement of settlements) {
      if (this.ledger.has(settlement.requestId)) continue;
      this.ledger.set(settlement.requestId, settlement);
      const lease = this.leases.get(settlement.leaseId);
      if (lease !== undefined) lease.held -= settlement.chargedNanos;
    }
    return { settled: settlements.map(({ requestId }) => requestId) };
  }
}

/** The wallet as orders sees it: exact by the contract, and out of order on demand. */
import type { QuotaService } from "@tandem/contracts/rpc/quota/v1/quota_pb";
import { defineFaults } from "@tandem/libs/kernel";
import type { Handlers } from "@tandem/libs/rpc";

type QuotaHandlers = Handlers<(typeof QuotaService)["method"]>;

const faults = defineFaults("quota", {
  away: { code: "unavailable", blame: "platform", retry: "after_delay", publicMessage: "away" },
  currency_mismatch: {
    code: "failed_precondition",
    blame: "client",
    retry: "never",
    publicMessage: "another currency",
  },
});

export class FakeQuota {
  isAway = false;
  /** Does what it is asked and then says that it could not. */
  losesAnswers = false;
  /** Of every wallet. */
  currency = "USD";
  balanceNanos = 0n;
  /** What was asked, repetitions included. */
  readonly asked: string[] = [];
  readonly credited = new Map<
    string,
    { nanos: bigint; organisationId: string; expiresAtMs: bigint }
  >();
  readonly #events = new Set<string>();
  readonly #decisions = new Map<string, { takenNanos: bigint; remainingNanos: bigint }>();
  readonly #left = new Map<string, bigint>();

  /** Credit of this order that is still in the wallet. */
  left(orderId: string): bigint {
    return this.#left.get(orderId) ?? 0n;
  }

  spend(orderId: string, nanos: bigint): void {
    this.#left.set(orderId, this.left(orderId) - nanos);
  }

  get handlers(): Pick<QuotaHandlers, "creditOrder" | "takeBackCredit" | "getBalance"> {
    return {
      getBalance: async ({ organisationId }) => {
        this.#check();
        const { currency, balanceNanos: totalNanos } = this;
        return { organisationId, currency, totalNanos };
      },
      creditOrder: async (request) => {
        const { orderId, nanos, organisationId, expiresAtMs } = request;
        this.asked.push(`credit ${orderId}`);
        this.#check();
        if (request.currency !== this.currency) throw faults.currency_mismatch();
        const isNews = !this.#events.has(request.eventId) && !this.credited.has(orderId);
        this.#events.add(request.eventId);
        if (isNews) {
          this.credited.set(orderId, { nanos, organisationId, expiresAtMs });
          this.#left.set(orderId, nanos);
        }
        this.#lose();
        return {};
      },
      takeBackCredit: async ({ refundId, orderId, nanos, atMost }) => {
        this.asked.push(`take ${refundId}`);
        this.#check();
        let decision = this.#decisions.get(refundId);
        if (decision === undefined) {
          const left = this.left(orderId);
          const most = left < nanos ? left : nanos;
          const takenNanos = left >= nanos || atMost ? most : 0n;
          decision = { takenNanos, remainingNanos: left - takenNanos };
          this.#decisions.set(refundId, decision);
          this.#left.set(orderId, left - takenNanos);
        }
        this.#lose();
        return decision;
      },
    };
  }

  #check(): void {
    if (this.isAway) throw faults.away();
  }

  #lose(): void {
    if (this.losesAnswers) throw faults.away();
  }
}

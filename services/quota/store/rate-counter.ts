import { type HotDemand, type HotStore, hotKey } from "@tandem/libs/store/hot";
import type { Limit } from "../core/limit.ts";

/** Limits that one operation of the store can take from. */
const demandsMax = 16;
/** A retry time that is no time: the limit itself is smaller than what is wanted. */
export const neverMs = 0xffffffff;

/** How much of which limit. */
export interface RateDemand {
  readonly limit: Limit;
  readonly cost: number;
}

/** A limit's figures after it was asked, as the headers of an answer want them. */
export interface RateFigures {
  readonly granted: number;
  readonly remaining: number;
  readonly resetMs: number;
  /** 0 when this limit allows what was asked of it. */
  readonly retryAfterMs: number;
}

export interface RateDecision {
  readonly isAllowed: boolean;
  /** In the order of the demands. */
  readonly figures: readonly RateFigures[];
}

/**
 * Counts requests and tokens by GCRA in a hot store. `share` is the part of every limit that is
 * counted here at the moment: 1 where all replicas count together.
 */
export class RateCounter {
  readonly #store: HotStore;
  readonly #share: () => number;

  constructor(store: HotStore, share: () => number) {
    this.#store = store;
    this.#share = share;
  }

  /** Takes from all limits or from none. A cost of 0 asks for figures only. */
  async take(demands: readonly RateDemand[]): Promise<RateDecision> {
    const chunks = chunksOf(demands);
    const figures: RateFigures[] = [];
    let isAllowed = true;
    for (const chunk of chunks) {
      const { verdicts, allowed } = await this.#store.take(chunk.map((one) => this.#toDemand(one)));
      isAllowed &&= allowed;
      for (const [index, { limit, cost }] of chunk.entries()) {
        const { remaining = 0, resetMs = 0, retryAfterMs = 0 } = verdicts[index] ?? {};
        figures.push({
          granted: cost,
          remaining: limit.amount === 0 ? 0 : remaining,
          resetMs: Math.min(resetMs, neverMs),
          retryAfterMs: limit.amount === 0 && cost > 0 ? neverMs : Math.min(retryAfterMs, neverMs),
        });
      }
      if (!allowed) break;
    }
    if (isAllowed) return { isAllowed, figures };
    // What the chunks before the refusing one gave goes back; the ones after it were not asked.
    const refusedAt = Math.floor((figures.length - 1) / demandsMax);
    for (const chunk of chunks.slice(0, refusedAt)) await this.giveBack(chunk);
    return { isAllowed, figures: figures.map((figure) => ({ ...figure, granted: 0 })) };
  }

  /** How full limits of one organisation are, in their order; takes nothing. */
  async look(limits: readonly Limit[]): Promise<readonly RateFigures[]> {
    const figures: RateFigures[] = [];
    for (const chunk of chunksOf(limits.map((limit) => ({ limit, cost: 0 })))) {
      const { verdicts } = await this.#store.take(chunk.map((one) => this.#toDemand(one)));
      for (const [index, { limit }] of chunk.entries()) {
        const { remaining = 0, resetMs = 0 } = verdicts[index] ?? {};
        const left = limit.amount === 0 ? 0 : Math.max(0, remaining);
        figures.push({ granted: 0, remaining: left, resetMs, retryAfterMs: 0 });
      }
    }
    return figures;
  }

  async giveBack(demands: readonly RateDemand[]): Promise<void> {
    for (const chunk of chunksOf(demands)) {
      await this.#store.giveBack(chunk.map((one) => this.#toDemand(one)));
    }
  }

  /** Counts what was granted elsewhere, as far as there is room. */
  async note(demands: readonly RateDemand[]): Promise<void> {
    for (const { limit, cost } of demands) {
      const { figures } = await this.take([{ limit, cost: 0 }]);
      const remaining = figures[0]?.remaining ?? 0;
      if (cost > 0 && remaining > 0) await this.take([{ limit, cost: Math.min(cost, remaining) }]);
    }
  }

  #toDemand({ limit, cost }: RateDemand): HotDemand {
    const { subject, id, amount, windowMs } = limit;
    // A limit of 0 lets nothing through: more than one is asked of a bucket that holds one.
    const size = Math.max(Math.ceil(amount * this.#share()), 1);
    return {
      key: hotKey(subject.organisationId, "limit", id),
      cost: amount === 0 && cost > 0 ? cost + 1 : cost,
      limit: { limit: size, periodMs: Math.max(windowMs, 1), burst: size },
    };
  }
}

function chunksOf<Item>(items: readonly Item[]): readonly (readonly Item[])[] {
  const chunks: Item[][] = [];
  for (let start = 0; start < items.length; start += demandsMax) {
    chunks.push(items.slice(start, start + demandsMax));
  }
  return chunks;
}

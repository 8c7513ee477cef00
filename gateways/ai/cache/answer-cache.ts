import { type HotStore, hotKey } from "@tandem/libs/store";
import type { Log } from "@tandem/libs/telemetry";
import type { Clock } from "@tandem/libs/world";
import { AnswerMemory, type StoredAnswer } from "./answer-memory.ts";
import { type AnswerSeal, createAnswerSeal } from "./answer-seal.ts";

export interface AnswerCacheOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** Shared by the replicas. A cache: whatever happens to it, requests are answered. */
  readonly hotStore: Pick<HotStore, "get" | "set" | "isReachable">;
  readonly secret: Uint8Array;
  readonly memoryBytes: number;
  readonly ttlMs: number;
  /** Larger answers are not kept. */
  readonly answerBytesMax: number;
}

/** Where an answer is kept: whose it is, and under which key. */
export interface AnswerPlace {
  readonly organisationId: string;
  readonly key: string;
}

/** Complete answers, in this process first and in the shared store behind it. */
export class AnswerCache {
  readonly #options: AnswerCacheOptions;
  readonly #memory: AnswerMemory;
  readonly #seal: AnswerSeal;

  constructor(options: AnswerCacheOptions) {
    this.#options = options;
    this.#memory = new AnswerMemory(options.memoryBytes);
    this.#seal = createAnswerSeal(options.secret);
  }

  /** At once, from this process. */
  find({ key }: AnswerPlace): StoredAnswer | undefined {
    return this.#memory.get(key, this.#options.clock.nowMs());
  }

  /** From the shared store. Never rejects: a store that is away holds nothing. */
  async fetch(place: AnswerPlace): Promise<StoredAnswer | undefined> {
    const { hotStore, clock, log, ttlMs } = this.#options;
    if (!hotStore.isReachable) return undefined;
    try {
      const sealed = await hotStore.get(this.#hotKeyOf(place));
      if (sealed === undefined) return undefined;
      const answer = this.#seal.open(place.key, sealed);
      if (answer === undefined) {
        log.error("cache_poisoned", { organisation_id: place.organisationId, key: place.key });
        return undefined;
      }
      const expiresAtMs = answer.storedAtMs + ttlMs;
      if (clock.nowMs() >= expiresAtMs) return undefined;
      this.#memory.set(place.key, answer, expiresAtMs);
      return answer;
    } catch {
      return undefined;
    }
  }

  /** Keeps an answer; the shared store gets it in its own time. */
  store(place: AnswerPlace, { body, upstream }: { body: string; upstream: string }): void {
    const { hotStore, clock, ttlMs, answerBytesMax } = this.#options;
    if (body.length > answerBytesMax) return;
    const storedAtMs = clock.nowMs();
    const answer: StoredAnswer = { body, storedAtMs, upstream };
    this.#memory.set(place.key, answer, storedAtMs + ttlMs);
    if (!hotStore.isReachable) return;
    hotStore
      .set(this.#hotKeyOf(place), this.#seal.seal(place.key, answer), { ttlMs })
      .catch(() => undefined);
  }

  #hotKeyOf({ organisationId, key }: AnswerPlace): string {
    return hotKey(organisationId, "answer", key);
  }
}

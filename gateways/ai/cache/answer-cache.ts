import { type HotEntry, type HotStore, hotKey } from "@tandem/libs/store/hot";
import type { Log } from "@tandem/libs/telemetry";
import type { World } from "@tandem/libs/world";
import { AnswerMemory, type StoredAnswer } from "./answer-memory.ts";
import { type AnswerSeal, createAnswerSeal } from "./answer-seal.ts";

export interface AnswerCacheOptions {
  readonly world: Pick<World, "clock" | "timers">;
  readonly log: Log;
  /** Shared by the replicas. A cache: whatever happens to it, requests are answered. */
  readonly hotStore: Pick<HotStore, "get" | "setAll" | "isReachable">;
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

interface Unshared extends AnswerPlace {
  readonly answer: StoredAnswer;
}

/** How long an answer waits for others to be sent to the shared store with it. */
const shareAfterMs = 10;
/** So many are sent at once; with more waiting, the store is slower than we are: they are dropped. */
const sharedAtOnce = 64;
const unsharedMax = 4_096;

/** Complete answers, in this process first and in the shared store behind it. */
export class AnswerCache {
  readonly #options: AnswerCacheOptions;
  readonly #memory: AnswerMemory;
  readonly #seal: AnswerSeal;
  #unshared: Unshared[] = [];
  #isSharing: boolean = false;

  constructor(options: AnswerCacheOptions) {
    this.#options = options;
    this.#memory = new AnswerMemory(options.memoryBytes);
    this.#seal = createAnswerSeal(options.secret);
  }

  /** At once, from this process. */
  find({ key }: AnswerPlace): StoredAnswer | undefined {
    return this.#memory.get(key, this.#options.world.clock.nowMs());
  }

  /** From the shared store. Never rejects: a store that is away holds nothing. */
  async fetch(place: AnswerPlace): Promise<StoredAnswer | undefined> {
    const { hotStore, world, log, ttlMs } = this.#options;
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
      if (world.clock.nowMs() >= expiresAtMs) return undefined;
      this.#memory.set(place.key, answer, expiresAtMs);
      return answer;
    } catch {
      return undefined;
    }
  }

  /** Keeps an answer; the shared store gets it in its own time. */
  store(place: AnswerPlace, { body, upstream }: { body: Buffer; upstream: string }): void {
    const { hotStore, world, ttlMs, answerBytesMax } = this.#options;
    if (body.length > answerBytesMax) return;
    const storedAtMs = world.clock.nowMs();
    const answer: StoredAnswer = { body, storedAtMs, upstream };
    this.#memory.set(place.key, answer, storedAtMs + ttlMs);
    if (!hotStore.isReachable || this.#unshared.length >= unsharedMax) return;
    this.#unshared.push({ ...place, answer });
    if (this.#isSharing) return;
    this.#isSharing = true;
    world.timers.after(shareAfterMs, () => void this.#share());
  }

  /** Many in one command: sent one by one they would cost as much as the rest of their requests. */
  async #share(): Promise<void> {
    const { hotStore, ttlMs } = this.#options;
    while (this.#unshared.length > 0) {
      const some = this.#unshared.splice(0, sharedAtOnce);
      const entries = some.map(
        (place): HotEntry => ({
          key: this.#hotKeyOf(place),
          value: this.#seal.seal(place.key, place.answer),
        }),
      );
      await hotStore.setAll(entries, { ttlMs }).catch(() => undefined);
    }
    this.#isSharing = false;
  }

  #hotKeyOf({ organisationId, key }: AnswerPlace): string {
    return hotKey(organisationId, "answer", key);
  }
}

/**
 * Gives passages their vectors in the background, some at a time: new ones at once, all others when
 * the encoder is back. Replicas share the work by claims that end by themselves, so a killed one
 * keeps nothing from being done.
 */

import type { Database } from "@tandem/libs/store";
import type { Log } from "@tandem/libs/telemetry";
import type { World } from "@tandem/libs/world";
import { passageInContext } from "../core/chunking.ts";
import { packVector } from "../core/vectors.ts";
import type { Schema } from "../store/schema.ts";
import {
  claimWaiting,
  giveBack,
  putVectors,
  takeBackOthers,
  type WaitingPassage,
} from "../store/vectors.ts";
import type { Encoder } from "./encoder.ts";

/** Some hundred milliseconds of the encoder's time: a question asked meanwhile waits that long. */
const batchSize = 16;
const othersAtOnce = 500;
/** How often passages of another encoder are looked for: there are some after a change of it. */
const othersPeriodMs = 60_000;
const idleMs = 2_000;
const awayMs = 1_000;

export interface FillerParts {
  readonly database: Database<Schema>;
  readonly encoder: Encoder;
  readonly world: World;
  readonly log: Log;
  /** How long a batch may take. */
  readonly timeoutMs: number;
}

export class Filler {
  readonly #parts: FillerParts;
  #wakeUp: (() => void) | undefined;
  #isAwaited: boolean = false;
  #wasAway: boolean = false;
  #othersAtMs = 0;

  constructor(parts: FillerParts) {
    this.#parts = parts;
  }

  /** Something is waiting. */
  wake(): void {
    this.#isAwaited = true;
    this.#wakeUp?.();
  }

  async run(signal: AbortSignal): Promise<void> {
    const { encoder, log } = this.#parts;
    while (!signal.aborted) {
      let isMore = false;
      try {
        isMore = await this.#fillSome(signal);
      } catch (error) {
        // The database is away: it is tried again with the next round.
        log.debug("filling_failed", { error: String(error) });
      }
      if (!isMore) await this.#pause(encoder.isUp ? idleMs : awayMs, signal);
    }
  }

  /** True when there may be more at once. */
  async #fillSome(signal: AbortSignal): Promise<boolean> {
    const { database, encoder, log, timeoutMs } = this.#parts;
    this.#isAwaited = false;
    if (!encoder.isUp) return false;
    const claimed = await claimWaiting(database, { limit: batchSize, claimMs: timeoutMs * 2 });
    if (claimed.length === 0) return this.#fillOthers();
    try {
      await this.#embedAndKeep(claimed, signal);
      if (this.#wasAway) log.info("encoder_back", {});
      this.#wasAway = false;
      return true;
    } catch (error) {
      if (!this.#wasAway && !signal.aborted) log.warn("encoder_away", { error: String(error) });
      this.#wasAway = true;
      await giveBack(
        database,
        claimed.map(({ id }) => id),
      );
      return false;
    }
  }

  async #fillOthers(): Promise<boolean> {
    const { database, encoder, world } = this.#parts;
    const nowMs = world.clock.monotonicMs();
    if (nowMs < this.#othersAtMs) return false;
    const taken = await takeBackOthers(database, encoder.name, othersAtOnce);
    if (taken === 0) this.#othersAtMs = nowMs + othersPeriodMs;
    return taken > 0;
  }

  async #embedAndKeep(claimed: readonly WaitingPassage[], signal: AbortSignal): Promise<void> {
    const { database, encoder, timeoutMs } = this.#parts;
    const texts = claimed.map((passage) => passageInContext(passage.title, passage));
    const vectors = await encoder.embed(texts, { timeoutMs, signal });
    const made = claimed.map(({ id, organisationId }, index) => {
      const vector = vectors[index];
      return { id, organisationId, vector: vector === undefined ? null : packVector(vector) };
    });
    await putVectors(database, encoder.name, made);
  }

  #pause(ms: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const end = (): void => {
        timer.cancel();
        signal.removeEventListener("abort", end);
        this.#wakeUp = undefined;
        resolve();
      };
      const timer = this.#parts.world.timers.after(ms, end);
      signal.addEventListener("abort", end);
      this.#wakeUp = end;
      if (this.#isAwaited || signal.aborted) end();
    });
  }
}

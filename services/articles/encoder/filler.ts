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

export interface Filler {
  /** Something is waiting. */
  wake(): void;
  run(signal: AbortSignal): Promise<void>;
}

export function createFiller(options: {
  readonly database: Database<Schema>;
  readonly encoder: Encoder;
  readonly world: World;
  readonly log: Log;
  readonly timeoutMs: number;
}): Filler {
  const { database, encoder, world, log, timeoutMs } = options;
  let wakeUp = (): void => undefined;
  let isAwaited = false;
  let wasAway = false;
  let othersAtMs = 0;

  /** True when there may be more at once. */
  const fillSome = async (): Promise<boolean> => {
    if (!encoder.isUp) return false;
    const claimed = await claimWaiting(database, { limit: batchSize, claimMs: timeoutMs * 2 });
    if (claimed.length === 0) return fillOthers();
    try {
      await embedAndKeep(claimed);
      if (wasAway) log.info("encoder_back", {});
      wasAway = false;
      return true;
    } catch (error) {
      if (!wasAway) log.warn("encoder_away", { error: String(error) });
      wasAway = true;
      await giveBack(
        database,
        claimed.map(({ id }) => id),
      );
      return false;
    }
  };

  const fillOthers = async (): Promise<boolean> => {
    const nowMs = world.clock.monotonicMs();
    if (nowMs < othersAtMs) return false;
    const taken = await takeBackOthers(database, encoder.name, othersAtOnce);
    if (taken === 0) othersAtMs = nowMs + othersPeriodMs;
    return taken > 0;
  };

  const embedAndKeep = async (claimed: readonly WaitingPassage[]): Promise<void> => {
    const texts = claimed.map((passage) => passageInContext(passage.title, passage));
    const vectors = await encoder.embed(texts, { timeoutMs });
    const made = claimed.map(({ id, organisationId }, index) => {
      const vector = vectors[index];
      return { id, organisationId, vector: vector === undefined ? null : packVector(vector) };
    });
    await putVectors(database, encoder.name, made);
  };

  const pause = (ms: number, signal: AbortSignal): Promise<void> =>
    new Promise((resolve) => {
      const end = (): void => {
        timer.cancel();
        signal.removeEventListener("abort", end);
        wakeUp = () => {
          isAwaited = true;
        };
        resolve();
      };
      const timer = world.timers.after(ms, end);
      signal.addEventListener("abort", end);
      wakeUp = end;
      if (isAwaited || signal.aborted) end();
      isAwaited = false;
    });

  return {
    wake: () => wakeUp(),
    async run(signal) {
      while (!signal.aborted) {
        let isMore = false;
        try {
          isMore = await fillSome();
        } catch (error) {
          // The database is away: it is tried again with the next round.
          log.debug("filling_failed", { error: String(error) });
        }
        if (!isMore) await pause(encoder.isUp ? idleMs : awayMs, signal);
      }
    },
  };
}

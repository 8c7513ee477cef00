import type { Log } from "@tandem/libs/telemetry";
import type { World } from "@tandem/libs/world";
import {
  emptied,
  type Fullness,
  handOver,
  hearShare,
  judgeFullness,
  neverFull,
} from "../core/fullness.ts";
import { groupOf } from "../core/renumber.ts";
import type { Fleet } from "./fleet.ts";
import type { ManagedProcess } from "./managed-process.ts";
import type { Heartbeat } from "./messages.ts";
import type { Rollout } from "./rollout.ts";

interface Parts {
  readonly fleet: Fleet;
  readonly rollout: Rollout;
  readonly world: World;
  readonly log: Log;
  /** From this share of its memory on a process is full, in (0, 1]. */
  readonly shareMax: number;
}

interface Watched {
  readonly fullness: Fullness;
  readonly beat: Heartbeat | undefined;
  /** It was told that it is full and has to wait. */
  readonly isTold: boolean;
}

/** Twice as often as processes beat. */
const lookPeriodMs = 500;
const unseen: Watched = { fullness: neverFull, beat: undefined, isTold: false };

/**
 * Replaces a process whose memory is nearly used up by one beside it, before it dies. One at a time
 * and not while anything else is changed; it is asked again with the next beat then.
 */
export function guardMemory(parts: Parts): { close(): void } {
  const { fleet, rollout, world } = parts;
  const watched = new WeakMap<ManagedProcess, Watched>();
  const timer = world.timers.every(lookPeriodMs, () => {
    const nowMs = world.clock.monotonicMs();
    for (const process of fleet.processes) {
      const before = watched.get(process) ?? unseen;
      if (process.beat === before.beat) continue;
      const heard = hear(before, process.beat, { nowMs, shareMax: parts.shareMax });
      const verdict = judgeFullness(heard.fullness, nowMs);
      watched.set(process, heard);
      if (verdict.kind === "fine" || !rollout.isRenewable(process)) continue;
      if (verdict.kind === "replace") void replace({ ...parts, watched }, process);
      else if (!before.isTold) {
        watched.set(process, { ...heard, isTold: true });
        tellFull(parts, process, { restMs: Math.round(verdict.leftMs) });
      }
    }
  });
  return { close: () => timer.cancel() };
}

function hear(
  { fullness, isTold }: Watched,
  beat: Heartbeat | undefined,
  at: { readonly nowMs: number; readonly shareMax: number },
): Watched {
  const share = beat?.memoryShare;
  if (share === undefined) return { fullness: emptied(fullness), beat, isTold };
  return { fullness: hearShare(fullness, { share, ...at }), beat, isTold };
}

/** A successor that does not start counts as a replacement: the next try waits as long. */
async function replace(
  parts: Parts & { readonly watched: WeakMap<ManagedProcess, Watched> },
  process: ManagedProcess,
): Promise<void> {
  const { fleet, rollout, world, log, watched } = parts;
  const { fullness, beat } = watched.get(process) ?? unseen;
  tellFull(parts, process, {});
  const next = handOver(fullness, world.clock.monotonicMs());
  try {
    const fresh = await rollout.renew(process, (event, fields) => log.info(event, fields));
    watched.set(fresh, { ...unseen, fullness: next });
    fleet.tellRelieved(groupOf(process.spec.name));
  } catch (error) {
    watched.set(process, { fullness: next, beat, isTold: false });
    log.error("not_replaced", { process: process.spec.name, why: String(error) });
  }
}

function tellFull({ log }: Parts, { spec, beat }: ManagedProcess, more: { restMs?: number }): void {
  const share = Number((beat?.memoryShare ?? 0).toFixed(3));
  log.warn("process_full", { process: spec.name, share, ...more });
}

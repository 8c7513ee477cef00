import type { Call } from "../call.ts";
import { keepAlive } from "../keep-alive.ts";
import type { AiParts } from "../parts.ts";
import { type Asked, ask } from "./ask.ts";
import type { LiveTarget } from "./live-upstream.ts";
import { left, type TryOutcome } from "./try-outcome.ts";

/**
 * Tries one target: waits for a place there where places are counted, asks, and relays what comes
 * to the client as it comes. Resolves in any case.
 */
export function startAttempt(call: Call, parts: AiParts, asked: Asked): Promise<TryOutcome> {
  const { target } = asked;
  if (call.hasClientLeft) return Promise.resolve(left);
  if (target.upstream.places.tryEnter()) return ask(call, parts, asked);
  return waitForPlace(call, parts, target).then((outcome) => outcome ?? ask(call, parts, asked));
}

/** Undefined when a place was taken; else how the wait ended. */
function waitForPlace(
  call: Call,
  { world, watchdog, config }: AiParts,
  { upstream }: LiveTarget,
): Promise<TryOutcome | undefined> {
  const { places, settings } = upstream;
  const untilMs = world.clock.monotonicMs() + settings.firstTokenTimeoutMs;
  return new Promise((resolve) => {
    let giveUp: (() => void) | undefined;
    const end = (outcome: TryOutcome | undefined): void => {
      watchdog.unwatch(patience);
      call.onLeave = undefined;
      resolve(outcome);
    };
    const stop = (outcome: TryOutcome): void => {
      giveUp?.();
      end(outcome);
    };
    const patience = {
      tick: (nowMs: number): void => {
        if (nowMs > untilMs) stop(busy(settings.name));
        else keepAlive(call, config, nowMs);
      },
    };
    watchdog.watch(patience);
    call.onLeave = () => stop(left);
    const refuse = (): void => {
      call.isShed = true;
      end(busy(settings.name));
    };
    giveUp = places.enter(() => end(undefined), refuse, call.priority);
    if (giveUp === undefined) refuse();
  });
}

function busy(upstream: string): TryOutcome {
  return { kind: "failed", failure: { kind: "busy", detail: `${upstream} has no place free` } };
}

import type { Call } from "../call.ts";
import { keepAlive } from "../keep-alive.ts";
import type { AiParts } from "../parts.ts";

/** Waits, with signs of life for the client; `left` as soon as it goes. */
export function pauseFor(
  call: Call,
  { world, watchdog, config }: AiParts,
  durationMs: number,
): Promise<"over" | "left"> {
  if (call.hasClientLeft) return Promise.resolve("left");
  const untilMs = world.clock.monotonicMs() + durationMs;
  return new Promise((resolve) => {
    const end = (how: "over" | "left"): void => {
      watchdog.unwatch(waiting);
      call.onLeave = undefined;
      resolve(how);
    };
    const waiting = {
      tick: (nowMs: number): void => {
        if (nowMs >= untilMs) end("over");
        else keepAlive(call, config, nowMs);
      },
    };
    watchdog.watch(waiting);
    call.onLeave = () => end("left");
  });
}

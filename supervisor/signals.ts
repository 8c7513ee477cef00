import type { World } from "@tandem/libs/world";
import type { Announcer } from "./output/announcer.ts";
import type { Supervisor } from "./run.ts";

/**
 * One key press reaches us up to three times: from the terminal, from npm and from the bootstrap
 * that passes signals on. What follows the first within this time is the same press.
 */
const samePressMs = 500;

const exitCodes = { ok: 0, cut: 130 } as const;

/**
 * The first signal drains, the second cuts what runs. Losing the parent that started us counts as a
 * signal too: a bootstrap that was killed must not leave the platform behind.
 */
export function obeySignals(
  supervisor: Supervisor,
  { world, announcer }: { readonly world: World; readonly announcer: Announcer },
): void {
  let firstMs: number | undefined;
  const stop = async (): Promise<void> => {
    const startMs = world.clock.monotonicMs();
    announcer.stopping();
    await supervisor.stop();
    announcer.stopped(world.clock.monotonicMs() - startMs);
    end(process.exitCode === undefined ? exitCodes.ok : Number(process.exitCode));
  };
  const obey = (): void => {
    const nowMs = world.clock.monotonicMs();
    if (firstMs === undefined) {
      firstMs = nowMs;
      void stop();
    } else if (nowMs - firstMs > samePressMs) {
      process.exitCode = exitCodes.cut;
      supervisor.cut();
    }
  };
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, obey);
  process.on("disconnect", obey);
}

const lingerMs = 2000;

/** Ends the program once what it has still to say is out, and shortly after at the latest. */
export function end(exitCode: number): void {
  process.exitCode = exitCode;
  process.removeAllListeners("disconnect");
  if (process.connected) process.disconnect();
  setTimeout(() => process.exit(), lingerMs).unref();
}

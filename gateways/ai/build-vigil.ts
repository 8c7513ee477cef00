import type { Lifecycle, Site } from "@tandem/libs/service";
import { Vigil } from "@tandem/libs/world";
import { Watchdog } from "./upstream/watchdog.ts";

/** Longer than limits and wallets are kept of somebody who has gone. */
const awakeMs = 90_000;
/** Often enough to see that this process stood still (`Watchdog`), and to try again to settle. */
const slowMs = 500;

interface Work {
  readonly observer: { readonly inFlight: number };
  readonly settler: { readonly backlog: number };
  /** A standby is watched over at the full pace, whether or not anybody calls. */
  readonly desk: { readonly groups: readonly unknown[] };
}

/** What ticks for requests: quick from the first one on, and while there is work of theirs left. */
export function buildVigil({ world }: Site, lifecycle: Lifecycle) {
  let work: Work | undefined;
  const isBusy = (): boolean => {
    if (work === undefined) return false;
    const { observer, settler, desk } = work;
    return observer.inFlight + watchdog.size + settler.backlog + desk.groups.length > 0;
  };
  const vigil = new Vigil({ world, awakeMs, slowMs, isBusy });
  lifecycle.defer("vigil", () => vigil.close());
  const watchdog = new Watchdog({ clock: world.clock, timers: vigil });
  lifecycle.defer("watchdog", () => watchdog.close());
  const keepAwake = (given: Work): void => {
    work = given;
  };
  return { vigil, watchdog, keepAwake };
}

import type { Log } from "@tandem/libs/telemetry";
import type { Timer, World } from "@tandem/libs/world";
import { leaveAsLast, waitForCallers } from "./last-out.ts";
import type { SupervisorLink } from "./supervisor-link.ts";

/** What a process does that has lost its supervisor. */
export interface OrphanRule {
  /** How long it goes on serving without a successor; 0 ends it at once. */
  readonly limitMs: number;
  /** Who else runs here, and what is to be ended when all of us are gone. */
  readonly notesFile: string;
  /** Who supervises here, if anybody does again. */
  readonly ownerFile: string;
}

/** What of a process's end is needed here. */
interface Ending {
  readonly isStopping: boolean;
  /** With the time that a stop has for which nobody gave numbers. */
  stopUnasked(): Promise<void>;
  exit(): void;
}

/**
 * States: watched ⇄ orphaned → ending, when no successor has come within the limit. A supervisor's
 * death alone ends nothing: stopping is a decision, and a dead one has made none. At the end the
 * processes see to the order among them themselves: callers leave first, the last one ends the
 * stores.
 */
export function watchOverOrphan(parts: {
  readonly world: World;
  readonly link: SupervisorLink;
  /** Undefined before the site file is read: a process that serves nobody yet ends at once. */
  readonly rule: () => OrphanRule | undefined;
  readonly log: () => Log;
  readonly ending: Ending;
}): { leave(): Promise<void> } {
  const { world, link, rule, log, ending } = parts;
  let isLost = false;
  let patience: Timer | undefined;

  const endAll = async ({ limitMs, notesFile }: OrphanRule): Promise<void> => {
    if (ending.isStopping) return;
    log().warn("no_successor_came", { limitMs });
    await waitForCallers(notesFile, { world });
    if (isLost) await ending.stopUnasked();
  };
  link.onLoss(() => {
    isLost = true;
    const known = rule();
    if (known === undefined) {
      ending.exit();
      return;
    }
    log().warn("supervisor_lost", { goesOnForMs: known.limitMs });
    patience = world.timers.after(known.limitMs, () => void endAll(known));
  });
  link.onReturn(() => {
    isLost = false;
    patience?.cancel();
    log().info("supervisor_returned");
  });
  return {
    /** The last thing before the exit, when the replicas are closed. */
    async leave() {
      const known = rule();
      if (isLost && known !== undefined) await leaveAsLast(known, { world });
    },
  };
}

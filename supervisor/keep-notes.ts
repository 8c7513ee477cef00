import type { Timer, World } from "@tandem/libs/world";
import type { Fleet } from "./fleet/fleet.ts";
import { type Notes, writeNotes } from "./folder/notes.ts";
import { identityOf } from "./folder/process-identity.ts";
import type { Stores } from "./stores.ts";

const periodMs = 200;
const nobody = { pid: 0, startTicks: "" };

/**
 * Notes for a successor who runs here, as soon as it has changed: looked at often and written
 * seldom, so that nothing has to remember to tell.
 */
export function keepNotes(options: {
  readonly file: string;
  readonly fixed: Pick<Notes, "runDirectory" | "door" | "grpcDoor" | "topologyHash" | "folders">;
  readonly fleet: Fleet;
  readonly stores: Promise<Stores>;
  readonly world: World;
}): { close(): void } {
  const { fleet, world } = options;
  let stores: Stores | undefined;
  options.stores.then(
    (open) => {
      stores = open;
    },
    () => {},
  );
  let written = "";
  const look = (): void => {
    const notes: Notes = {
      version: 2,
      ...options.fixed,
      processes: fleet.processes.map(({ spec, sourceFolder, replaces, identity = nobody }) => ({
        ...identity,
        spec,
        sourceFolder,
        ...(replaces && { replaces }),
        isMember: fleet.roster.isMember(spec.name),
      })),
      stores: (stores?.status() ?? []).flatMap(({ name, pid }) => {
        const identity = pid === undefined ? undefined : identityOf(pid);
        return identity === undefined ? [] : [{ name, ...identity }];
      }),
    };
    const text = JSON.stringify(notes);
    if (text === written) return;
    written = text;
    writeNotes(options.file, notes);
  };
  const timer: Timer = world.timers.every(periodMs, look);
  look();
  return { close: () => timer.cancel() };
}

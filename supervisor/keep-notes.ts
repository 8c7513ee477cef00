import type { Timer, World } from "@tandem/libs/world";
import type { Fleet } from "./fleet/fleet.ts";
import { type Notes, writeNotes } from "./folder/notes.ts";
import { identityOf } from "./folder/process-identity.ts";
import type { Stores } from "./stores.ts";

const periodMs = 250;
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
  let written: string | undefined;
  const look = (): void => {
    const signature = signatureOf(fleet, stores);
    if (signature === written) return;
    written = signature;
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
    writeNotes(options.file, notes);
  };
  const timer: Timer = world.timers.every(periodMs, look);
  look();
  return { close: () => timer.cancel() };
}

/** Changes with everything that is noted. Short, as it is made some times a second. */
function signatureOf({ processes, roster }: Fleet, stores: Stores | undefined): string {
  const own = processes.map(({ spec, sourceFolder, replaces, identity = nobody }) => {
    const place = `${spec.name} ${sourceFolder} ${roster.isMember(spec.name)}`;
    return `${place} ${identity.pid} ${identity.startTicks} ${replaces?.process}`;
  });
  return [...own, ...(stores?.status() ?? []).map(({ name, pid }) => `${name} ${pid}`)].join("\n");
}

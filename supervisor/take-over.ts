import { join } from "node:path";
import type { TopologyProcess } from "@tandem/libs/service";
import { wishedGrpcPort } from "./config.ts";
import { whyNotToAdopt } from "./core/succession.ts";
import { borrowDoor } from "./door/borrow-door.ts";
import type { HeldDoor } from "./door/held-door.ts";
import { type AdoptedProcess, adoptProcess } from "./fleet/adopted-process.ts";
import { hostsRouter } from "./fleet/launch.ts";
import type { Replaced } from "./fleet/managed-process.ts";
import { doorPathOf, grpcDoorPathOf, linkPathOf, siteFilePath } from "./fleet/site-file.ts";
import { hashOf, type NotedProcess, type Notes } from "./folder/notes.ts";
import { readOwner } from "./folder/owner.ts";
import { findPredecessor, removeRunDirectory, seeOff } from "./folder/predecessor.ts";
import { isAlive } from "./folder/process-identity.ts";
import type { RunOptions } from "./run-options.ts";

/** A process of the killed supervisor's fleet: as it was to be, and itself where it still runs. */
export interface InheritedProcess {
  readonly spec: TopologyProcess;
  readonly sourceFolder: string;
  readonly isMember: boolean;
  readonly replaces: Replaced | undefined;
  readonly adopted: AdoptedProcess | undefined;
}

/** What a supervisor that was killed has left, and this one goes on with. */
export interface Heritage {
  readonly runDirectory: string;
  /** Undefined when every router died with it; then the address is bound anew. */
  readonly door: HeldDoor | undefined;
  readonly grpcDoor: HeldDoor | undefined;
  /** Where the door was, and has to be again. */
  readonly port: number;
  /** Undefined where gRPC had none of its own. */
  readonly grpcPort: number | undefined;
  readonly processes: readonly InheritedProcess[];
}

/** Longer than a busy event loop may take to answer; one that is frozen is not waited for. */
const linkPatienceMs = 2000;

/**
 * Takes over the running processes of a supervisor that was killed, with the socket they serve on.
 * Undefined when there are none, or when this start wants something else: then they are ended.
 * Call it with the ownership in hand, so that nobody else does the same.
 */
export async function takeOver(options: RunOptions): Promise<Heritage | undefined> {
  const { config, directory, topology, world, announcer } = options;
  const { log } = announcer;
  const notes = findPredecessor(directory.processesFile);
  if (notes === undefined) {
    const owner = readOwner(directory);
    if (owner !== undefined && !isAlive(owner.process)) removeRunDirectory(owner.runDirectory);
    return undefined;
  }
  const wishes = {
    ...{ host: config.host, port: config.port, grpcPort: wishedGrpcPort(config) },
    topologyHash: hashOf(topology),
  };
  const why = whyNotToAdopt(wishes, notes);
  if (why !== undefined) {
    log.warn("predecessor_not_adopted", { why });
    await seeOff(notes.processes, { world, log });
    removeRunDirectory(notes.runDirectory);
    return undefined;
  }
  return adoptAll(notes, options);
}

async function adoptAll(notes: Notes, { world, announcer }: RunOptions): Promise<Heritage> {
  const { log } = announcer;
  const sockets = join(notes.runDirectory, "sockets");
  const door = await borrowFromAny(notes, { sockets, world, pathOf: doorPathOf });
  const grpcDoor =
    notes.grpcDoor && (await borrowFromAny(notes, { sockets, world, pathOf: grpcDoorPathOf }));
  const hasAllDoors =
    door !== undefined && (grpcDoor !== undefined) === (notes.grpcDoor !== undefined);
  const processes = await Promise.all(
    notes.processes.map(async (process): Promise<InheritedProcess> => {
      const { spec, sourceFolder, isMember, replaces } = process;
      // A router on a socket that we do not have would take connections that we cannot give back.
      const isLost = !hasAllDoors && hostsRouter(spec);
      const linkPath = linkPathOf(siteFilePath(sockets, spec.name));
      const adopted = isLost
        ? undefined
        : await adoptProcess({ identity: process, linkPath, timeoutMs: linkPatienceMs, world });
      if (adopted === undefined) await seeOff([process], { world, log });
      return { spec, sourceFolder, isMember, replaces, adopted };
    }),
  );
  const adopted = processes.filter((process) => process.adopted !== undefined);
  log.warn("predecessor_adopted", {
    processes: adopted.map(({ spec }) => spec.name),
    ended: processes.filter((process) => !adopted.includes(process)).map(({ spec }) => spec.name),
    door: hasAllDoors ? "taken over" : "bound anew",
  });
  const { runDirectory } = notes;
  const ports = { port: notes.door.port, grpcPort: notes.grpcDoor?.port };
  return { runDirectory, door, grpcDoor, ...ports, processes };
}

async function borrowFromAny(
  notes: Notes,
  given: {
    readonly sockets: string;
    readonly world: RunOptions["world"];
    readonly pathOf: (siteFile: string) => string;
  },
): Promise<HeldDoor | undefined> {
  const { sockets, world, pathOf } = given;
  const routers = notes.processes.filter(({ spec }: NotedProcess) => hostsRouter(spec));
  for (const { spec } of routers) {
    const path = pathOf(siteFilePath(sockets, spec.name));
    const { host } = notes.door;
    const door = await borrowDoor(path, { host, world, timeoutMs: linkPatienceMs });
    if (door !== undefined) return door;
  }
  return undefined;
}

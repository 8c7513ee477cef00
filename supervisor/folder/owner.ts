import { statSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { supervisorFaults } from "../faults.ts";
import type { DataDirectory } from "./data-directory.ts";
import { readJsonFile, writePrivateFile } from "./private-file.ts";
import { identityOf, isAlive, type ProcessIdentity } from "./process-identity.ts";

/** What the owner of a data directory says about itself, for the command line and for tests. */
export interface Owner {
  readonly process: ProcessIdentity;
  readonly runDirectory: string;
  /** Unix socket of the control door. */
  readonly control: string;
  readonly port: number;
}

export interface Ownership {
  /** Tells others who runs here. */
  announce(owner: Owner): void;
  release(): void;
}

/**
 * Makes this process the one owner of the data directory, or throws
 * `supervisor.already_running`. The lock is a socket in Linux's abstract namespace, named by the
 * folder's device and inode: taken atomically, and free the moment its holder is dead, however it
 * died. The file beside it only tells who it is.
 */
export async function takeOwnership(directory: DataDirectory): Promise<Ownership> {
  const { dev, ino } = statSync(directory.path);
  const lock = createServer((socket) => socket.destroy());
  await listen(lock, `\0tandem-${dev}-${ino}`).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code !== "EADDRINUSE") throw error;
    throw alreadyRunning(directory);
  });
  lock.unref();
  return {
    announce: (owner) => {
      const content = `${JSON.stringify(owner)}\n`;
      writePrivateFile(directory.ownerFile, content, { isLasting: false });
    },
    release: () => lock.close(),
  };
}

function listen(server: Server, name: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(name, resolve);
  });
}

/** Who ran or runs on this data directory, if the file can be read. */
export function readOwner(directory: Pick<DataDirectory, "ownerFile">): Owner | undefined {
  try {
    return readJsonFile(directory.ownerFile) as Owner | undefined;
  } catch {
    return undefined;
  }
}

function alreadyRunning(directory: DataDirectory): Error {
  const owner = readOwner(directory);
  const isKnown = owner !== undefined && isAlive(owner.process);
  const who = isKnown ? ` (pid ${owner.process.pid}, port ${owner.port})` : "";
  const stop = isKnown ? `\n  Stop it:    kill ${owner.process.pid}` : "";
  return supervisorFaults.already_running({
    publicMessage:
      `Another Tandem${who} runs on ${directory.path}.${stop}\n` +
      "  Or start:   npm start -- --data DIR --port N",
  });
}

/** The identity of this very process. */
export function ownIdentity(): ProcessIdentity {
  return identityOf(process.pid) ?? { pid: process.pid, startTicks: "" };
}

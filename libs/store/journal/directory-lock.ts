import { stat } from "node:fs/promises";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { storeFaults } from "../faults.ts";

export interface DirectoryLock {
  release(): Promise<void>;
}

/**
 * Makes this process the only user of a directory on this machine; `store.busy` when another one
 * is. The lock is a listening socket in Linux's abstract namespace: the kernel gives it to one, and
 * frees it however its owner ends, so there is no stale lock to judge. Elsewhere it is a socket
 * file, which a kill leaves behind and the system's cleaner of temporary files removes.
 */
export async function lockDirectory(directory: string): Promise<DirectoryLock> {
  const { dev, ino } = await stat(directory);
  const name = `tandem-journal-${dev}-${ino}`;
  const path = process.platform === "linux" ? `\0${name}` : join(tmpdir(), `${name}.sock`);
  const server = createServer((socket) => socket.destroy());
  await listen(server, path, directory);
  server.unref();
  return {
    release: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
      }),
  };
}

function listen(server: Server, path: string, directory: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", (cause: NodeJS.ErrnoException) => {
      const isTaken = cause.code === "EADDRINUSE";
      reject(isTaken ? storeFaults.busy({ detail: `${directory} is in use`, cause }) : cause);
    });
    server.listen({ path }, resolve);
  });
}

import { mkdir, open, readdir, readFile, rename, stat, unlink, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Disk } from "./disk.ts";

/** The machine's own file system. */
export const machineDisk: Disk = {
  makeDirectory: async (path) => {
    await mkdir(path, { recursive: true, mode: 0o700 });
  },
  list: (directory) => readdir(directory),
  read: (path) => readFile(path),
  remove: (path) => unlink(path),
  create: async (path) => {
    await unlink(path).catch(() => {});
    const file = await open(path, "wx", 0o600);
    return {
      async write(bytes, offset) {
        let written = 0;
        while (written < bytes.length) {
          const rest = bytes.length - written;
          const { bytesWritten } = await file.write(bytes, written, rest, offset + written);
          written += bytesWritten;
        }
      },
      sync: () => file.datasync(),
      truncate: (length) => file.truncate(length),
      close: () => file.close(),
    };
  },
  replace: async (path, content) => {
    const next = `${path}.next`;
    await writeFile(next, content, { mode: 0o600 });
    await rename(next, path);
  },
  syncFile: sync,
  syncDirectory: sync,
  lock,
};

async function sync(path: string): Promise<void> {
  const file = await open(path, "r");
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}

/**
 * The lock is a listening socket in Linux's abstract namespace: the kernel gives it to one, and
 * frees it however its owner ends, so there is no stale lock to judge. Elsewhere it is a socket
 * file, which a kill leaves behind and the system's cleaner of temporary files removes.
 */
async function lock(directory: string): Promise<{ release(): Promise<void> }> {
  const { dev, ino } = await stat(directory);
  const name = `tandem-journal-${dev}-${ino}`;
  const path = process.platform === "linux" ? `\0${name}` : join(tmpdir(), `${name}.sock`);
  const server = createServer((socket) => socket.destroy());
  await listen(server, path);
  server.unref();
  return {
    release: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
      }),
  };
}

function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen({ path }, resolve);
  });
}

import { spawn } from "node:child_process";
import { rmSync } from "node:fs";
import { createServer } from "node:net";

/**
 * Passes a descriptor on and is done. It never listens on the socket itself: a connection that it
 * accepted would be lost.
 */
const program =
  "const any = require('node:net')._createServerHandle('127.0.0.1', 0, 4, -1, 0);" +
  "const door = new any.constructor(1); door.open(3);" +
  "process.send('door', door, undefined, () => process.exit(0));";

/**
 * Gives a listening socket, where there is one, to whoever connects to `path`: a supervisor whose
 * predecessor was killed, so that the socket is never closed and no connection refused while
 * routers are alive.
 *
 * Node passes descriptors over its IPC channels only, and makes a channel of any socket that a
 * child finds named in `NODE_CHANNEL_FD`. So a child that lives for a moment does the passing.
 */
export function lendDoor(path: string, descriptor: number | undefined): void {
  if (descriptor === undefined) return;
  rmSync(path, { force: true });
  const server = createServer({ pauseOnConnect: true }, (socket) => {
    socket.on("error", () => {});
    const child = spawn(process.execPath, ["-e", program], {
      stdio: ["ignore", "ignore", "ignore", descriptor, socket],
      env: { NODE_CHANNEL_FD: "4" },
    });
    child.once("error", () => socket.destroy());
    child.once("exit", () => socket.destroy());
  });
  // Without it a successor binds the address anew, once the routers are gone.
  server.on("error", () => {});
  server.listen(path);
}

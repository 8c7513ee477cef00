import { createServer, Socket } from "node:net";
import type { World } from "@tandem/libs/world";
import type { BoundHandle, HeldDoor } from "./held-door.ts";

/** Node's wrapper of a Unix socket, as far as it is used here. */
interface PipeHandle {
  /** Set before `data` when a descriptor came along with the bytes. */
  pendingHandle?: BoundHandle | null;
}

type PipeConstructor = new (kind: number) => PipeHandle;

/** libuv's pipe that carries descriptors too; `constants.IPC` of Node's pipe_wrap. */
const withDescriptors = 2;

/**
 * Asks a router that outlived its supervisor for a listening socket (`host/lend-door.ts`
 * is the other side). Undefined when none comes within the time.
 *
 * Node has no call that receives a descriptor outside its own IPC; the pipe below it does, and is
 * reached like `net._createServerHandle` in `held-door.ts`.
 */
export async function borrowDoor(
  path: string,
  options: { readonly host: string; readonly world: World; readonly timeoutMs: number },
): Promise<HeldDoor | undefined> {
  const Pipe = await pipeConstructor();
  const pipe = new Pipe(withDescriptors);
  const socket = new Socket({ handle: pipe, manualStart: true } as object);
  const handle = await new Promise<BoundHandle | undefined>((resolve) => {
    const timer = options.world.timers.after(options.timeoutMs, () => end());
    const end = (received?: BoundHandle): void => {
      timer.cancel();
      resolve(received);
    };
    socket.on("data", () => {
      const received = pipe.pendingHandle ?? undefined;
      pipe.pendingHandle = null;
      if (received !== undefined) end(received);
    });
    socket.on("error", () => end());
    socket.on("close", () => end());
    socket.connect(path);
  });
  socket.destroy();
  if (handle === undefined) return undefined;
  const name: { port?: number } = {};
  if (handle.getsockname(name) !== 0 || name.port === undefined) return undefined;
  const { port } = name;
  return { host: options.host, port, descriptor: handle.fd, close: () => handle.close() };
}

/** The class is not exported; every listening Unix socket has one. */
async function pipeConstructor(): Promise<PipeConstructor> {
  const server = createServer();
  const name = `\0tandem-pipe-${process.pid}-${performance.now()}`;
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(name, resolve);
  });
  const { _handle } = server as unknown as { _handle: { constructor: PipeConstructor } };
  server.close();
  return _handle.constructor;
}

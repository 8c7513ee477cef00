import { rmSync } from "node:fs";
import { createServer, type Socket } from "node:net";
import {
  type Greeting,
  lineReader,
  type Order,
  type ProcessMessage,
  readOrder,
} from "../fleet/messages.ts";

/** The process's end of the channel to its supervisor. */
export interface SupervisorLink {
  /** Never waits and never fails: a supervisor that is gone does not stop a process from serving. */
  tell(message: ProcessMessage): void;
  /** Tells, and calls back once the message is on its way, or cannot be any more. */
  tellFinally(message: ProcessMessage, then: () => void): void;
  /** Resolves when the supervisor allows the replicas to open; at once where there is none. */
  readonly opening: Promise<void>;
  onOrder(run: (order: Order) => void): void;
  /** The supervisor is gone; nobody watches this process until a successor comes. */
  onLoss(run: () => void): void;
  /** A successor has taken over. */
  onReturn(run: () => void): void;
}

export interface LinkOptions {
  /** Socket at which a successor finds this process; none is opened when absent. */
  readonly path: string | undefined;
  readonly greeting: () => Greeting;
}

type Channel = "ipc" | Socket | undefined;

/**
 * The channel is Node's IPC as long as the supervisor that started this process lives. After that a
 * successor connects to the process's own socket and speaks the same words there; the last one to
 * come counts.
 */
export function linkToSupervisor({ path, greeting }: LinkOptions): SupervisorLink {
  const orderListeners: ((order: Order) => void)[] = [];
  const lossListeners: (() => void)[] = [];
  const returnListeners: (() => void)[] = [];
  let channel: Channel = process.send === undefined ? undefined : "ipc";
  let open: () => void = () => {};
  const opening = new Promise<void>((resolve) => {
    open = resolve;
  });
  if (channel === undefined) open();

  const obey = (value: unknown): void => {
    const order = readOrder(value);
    if (order?.kind === "open") open();
    if (order !== undefined) for (const run of orderListeners) run(order);
  };
  const lose = (lost: Channel): void => {
    if (channel !== lost) return;
    channel = undefined;
    for (const run of lossListeners) run();
  };
  process.on("message", obey);
  process.on("disconnect", () => lose("ipc"));
  if (path !== undefined) {
    listenForSuccessor(path, (socket) => {
      const before = channel;
      channel = socket;
      if (typeof before === "object") before.destroy();
      socket.setEncoding("utf8").on("data", lineReader(obey));
      socket.on("close", () => lose(socket));
      socket.write(`${JSON.stringify(greeting())}\n`);
      for (const run of returnListeners) run();
    });
  }
  return {
    tell: (message) => send(channel, message, () => {}),
    tellFinally: (message, then) => send(channel, message, then),
    opening,
    onOrder: (run) => void orderListeners.push(run),
    onLoss: (run) => void lossListeners.push(run),
    onReturn: (run) => void returnListeners.push(run),
  };
}

function send(channel: Channel, message: ProcessMessage, then: () => void): void {
  if (typeof channel === "object") {
    channel.write(`${JSON.stringify(message)}\n`, () => then());
  } else if (channel === "ipc" && process.connected && process.send !== undefined) {
    process.send(message, undefined, undefined, () => then());
  } else {
    then();
  }
}

function listenForSuccessor(path: string, onSuccessor: (socket: Socket) => void): void {
  rmSync(path, { force: true });
  const server = createServer((socket) => {
    // A successor that dies in the middle of a word is a loss like any other.
    socket.on("error", () => socket.destroy());
    onSuccessor(socket);
  });
  // Without the socket it serves all the same; a successor will start it anew.
  server.on("error", () => {});
  server.listen(path);
}

import { mkdtempSync, rmSync } from "node:fs";
import { createConnection, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

/**
 * A door to PostgreSQL that can be told to die at a statement: from then on every connection
 * through it is gone, as when its client's process was killed, until it is opened again.
 */
export interface StrikingDoor {
  /** The same database, through the door. */
  readonly url: string;
  /** True once it has struck since it was armed. */
  readonly hasStruck: boolean;
  /** Dies at this statement from now, counted from 1, before it reaches the server or after. */
  arm(strikeAt: number, isDelivered: boolean): void;
  /** Lets connections through again; it is not armed any more. */
  open(): void;
  close(): Promise<void>;
}

export async function startStrikingDoor(databaseUrl: string): Promise<StrikingDoor> {
  const target = new URL(databaseUrl.replace("@/", "@local/"));
  const socketFolder = target.searchParams.get("host") ?? "";
  const port = target.searchParams.get("port") ?? "5432";
  const folder = mkdtempSync(join(tmpdir(), "tandem-door-"));
  const sockets = new Set<Socket>();
  const state = { left: 0, isDelivered: false, isDead: false, hasStruck: false };
  const strike = (): void => {
    Object.assign(state, { isDead: true, hasStruck: true });
    for (const socket of sockets) socket.destroy();
  };
  const server = createServer((client) => {
    if (state.isDead) {
      client.destroy();
      return;
    }
    const upstream = createConnection(join(socketFolder, `.s.PGSQL.${port}`));
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on("error", () => {});
      socket.on("close", () => sockets.delete(socket));
    }
    client.on("data", (chunk) => {
      // One chunk is one statement: the driver waits for each answer.
      const isTheOne = state.left === 1;
      if (state.left > 0) state.left -= 1;
      if (!isTheOne || state.isDelivered) upstream.write(chunk);
      // After the server has it, so that it is carried out though nobody hears of it.
      if (isTheOne) setImmediate(strike);
    });
    upstream.on("data", (chunk) => client.write(chunk));
    client.on("close", () => upstream.end());
    upstream.on("close", () => client.destroy());
  });
  await new Promise<void>((resolve) => {
    server.listen(join(folder, `.s.PGSQL.${port}`), resolve);
  });
  return {
    url: databaseUrl.replace(encodeURIComponent(socketFolder), encodeURIComponent(folder)),
    get hasStruck() {
      return state.hasStruck;
    },
    arm: (strikeAt, isDelivered) => {
      Object.assign(state, { left: strikeAt, isDelivered, hasStruck: false });
    },
    open: () => {
      Object.assign(state, { left: 0, isDead: false });
    },
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

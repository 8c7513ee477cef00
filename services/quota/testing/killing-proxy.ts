import { createConnection, createServer, type Server, type Socket } from "node:net";
import { join } from "node:path";

/** A door to PostgreSQL that counts the statements that pass and strikes at one of them. */
export interface KillingProxy {
  /** The same database, through the door. */
  readonly url: string;
  /** Statements seen since the first transaction began. */
  readonly seen: number;
  /** Breaks every connection through it, as the death of the client's machine would. */
  cut(): void;
  close(): Promise<void>;
}

/**
 * Passes bytes between a client and PostgreSQL's Unix socket. When the statement of that number
 * comes, `strike` is called, before it reaches the server or after.
 */
export async function startKillingProxy(options: {
  readonly url: string;
  readonly folder: string;
  readonly strikeAt: number;
  readonly isDelivered: boolean;
  readonly strike: () => void;
}): Promise<KillingProxy> {
  const target = new URL(options.url.replace("@/", "@local/"));
  const socketFolder = target.searchParams.get("host") ?? "";
  const port = target.searchParams.get("port") ?? "5432";
  let seen = 0;
  const sockets = new Set<Socket>();
  const cut = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  const server: Server = createServer((client) => {
    const upstream = createConnection(join(socketFolder, `.s.PGSQL.${port}`));
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on("error", () => {});
    }
    client.on("data", (chunk) => {
      // One chunk is one statement: the driver waits for each answer.
      if (seen > 0 || /begin|start transaction/.test(chunk.toString("latin1"))) seen += 1;
      if (seen !== options.strikeAt) {
        upstream.write(chunk);
        return;
      }
      if (options.isDelivered) upstream.write(chunk);
      options.strike();
    });
    upstream.on("data", (chunk) => client.write(chunk));
    client.on("close", () => upstream.destroy());
    upstream.on("close", () => client.destroy());
  });
  await new Promise<void>((resolve) => {
    server.listen(join(options.folder, `.s.PGSQL.${port}`), resolve);
  });
  return {
    url: options.url.replace(encodeURIComponent(socketFolder), encodeURIComponent(options.folder)),
    get seen() {
      return seen;
    },
    cut,
    close: async () => {
      cut();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

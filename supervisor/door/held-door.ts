import { spawn } from "node:child_process";
import net from "node:net";
import { supervisorFaults } from "../faults.ts";
import { findPortHolder } from "./port-holder.ts";

/** A listening socket, held by the supervisor and inherited by every router. */
export interface HeldDoor {
  readonly host: string;
  readonly port: number;
  /** To be put into the `stdio` of a router. */
  readonly descriptor: number;
  close(): void;
}

/** What `node:cluster` binds with: a socket that is bound but not accepted from here. */
export interface BoundHandle {
  readonly fd: number;
  getsockname(into: { port?: number }): number;
  close(): void;
}

type BindHandle = (host: string, port: number, family: 4 | 6, fd: -1, flags: 0) => unknown;

const addressInUse = -98;

/** What a refusal says of each: the flag that chooses another port, and that which does without. */
const words = {
  public: { name: "", flag: "--port", without: undefined },
  grpc: { name: " (gRPC)", flag: "--grpc-port", without: "--no-grpc" },
} as const;

interface Wanted {
  readonly kind: keyof typeof words;
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
}

/**
 * Binds an address and starts listening, without ever accepting: connections wait in the
 * kernel until a router takes them, so that none is refused while routers start or are replaced.
 * Throws `supervisor.port_taken`, naming who has it, or `supervisor.door_refused`.
 *
 * Node offers no call that binds without accepting. `net._createServerHandle` is what its own
 * cluster module uses; listen(2) is then called by a child that ends at once, since the state
 * belongs to the socket and not to the process.
 */
export async function openDoor(wanted: Wanted): Promise<HeldDoor> {
  const { host, port } = wanted;
  const bind = (net as unknown as { _createServerHandle: BindHandle })._createServerHandle;
  const bound = bind(host, port, host.includes(":") ? 6 : 4, -1, 0);
  if (typeof bound === "number") throw refusal(wanted, bound);
  const handle = bound as BoundHandle;
  // libuv reports a taken port only at listen(2); until then the socket is bound to nothing.
  const name: { port?: number } = {};
  const failure = handle.getsockname(name);
  if (failure !== 0 || name.port === undefined || (port !== 0 && name.port !== port)) {
    handle.close();
    throw refusal(wanted, addressInUse);
  }
  if ((await listenOn(handle.fd)) !== 0) {
    handle.close();
    throw refusal(wanted, addressInUse);
  }
  return { host, port: name.port, descriptor: handle.fd, close: () => handle.close() };
}

const listenProgram =
  "require('node:net').createServer().on('error', () => process.exit(1))" +
  ".listen({ fd: 3, backlog: 4096 }); process.exit(0);";

function listenOn(descriptor: number): Promise<number | null> {
  const child = spawn(process.execPath, ["-e", listenProgram], {
    stdio: ["ignore", "ignore", "ignore", descriptor],
  });
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", resolve);
  });
}

function refusal({ kind, host, port }: Wanted, errno: number): Error {
  const { name, flag, without } = words[kind];
  if (errno !== addressInUse) {
    const why = errno === -13 ? "is reserved for root" : `cannot be opened (error ${errno})`;
    const remedy = kind === "public" ? "--host 127.0.0.1 --port 4600" : "--grpc-port 4601";
    return supervisorFaults.door_refused({
      publicMessage: `${host}:${port} ${why}. Choose another one: npm start -- ${remedy}`,
    });
  }
  const holder = findPortHolder(port);
  const looks = holder?.looksLikeTandem === true ? ", which looks like another Tandem" : "";
  const who = holder === undefined ? "" : ` by ${holder.name} (pid ${holder.pid})${looks}`;
  return supervisorFaults.port_taken({
    publicMessage:
      `Port ${port}${name} is in use${who}.\n` +
      (holder === undefined ? "" : `  Stop it:    kill ${holder.pid}\n`) +
      `  Or start:   npm start -- ${flag} ${port + 10}` +
      (without === undefined ? "" : `\n  Or without: npm start -- ${without}`),
    context: { port },
  });
}

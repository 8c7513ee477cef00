import { spawn } from "node:child_process";
import net from "node:net";
import { supervisorFaults } from "../faults.ts";
import { findPortHolder } from "./port-holder.ts";

/** The public listening socket, held by the supervisor and inherited by every router. */
export interface PublicDoor {
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

/**
 * Binds the public address and starts listening, without ever accepting: connections wait in the
 * kernel until a router takes them, so that none is refused while routers start or are replaced.
 * Throws `supervisor.port_taken`, naming who has it, or `supervisor.door_refused`.
 *
 * Node offers no call that binds without accepting. `net._createServerHandle` is what its own
 * cluster module uses; listen(2) is then called by a child that ends at once, since the state
 * belongs to the socket and not to the process.
 */
export async function openPublicDoor(options: {
  readonly host: string;
  readonly port: number;
}): Promise<PublicDoor> {
  const { host, port } = options;
  const bind = (net as unknown as { _createServerHandle: BindHandle })._createServerHandle;
  const bound = bind(host, port, host.includes(":") ? 6 : 4, -1, 0);
  if (typeof bound === "number") throw refusal(options, bound);
  const handle = bound as BoundHandle;
  // libuv reports a taken port only at listen(2); until then the socket is bound to nothing.
  const name: { port?: number } = {};
  const failure = handle.getsockname(name);
  if (failure !== 0 || name.port === undefined || (port !== 0 && name.port !== port)) {
    handle.close();
    throw refusal(options, addressInUse);
  }
  if ((await listenOn(handle.fd)) !== 0) {
    handle.close();
    throw refusal(options, addressInUse);
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

function refusal(wanted: { readonly host: string; readonly port: number }, errno: number): Error {
  const { host, port } = wanted;
  if (errno !== addressInUse) {
    const what = errno === -13 ? "is reserved for root" : `cannot be opened (error ${errno})`;
    return supervisorFaults.door_refused({
      publicMessage:
        `${host}:${port} ${what}. ` +
        "Choose another one: npm start -- --host 127.0.0.1 --port 4600",
    });
  }
  const holder = findPortHolder(port);
  const kind = holder?.looksLikeTandem === true ? ", which looks like another Tandem" : "";
  const who = holder === undefined ? "" : ` by ${holder.name} (pid ${holder.pid})${kind}`;
  return supervisorFaults.port_taken({
    publicMessage:
      `Port ${port} is in use${who}.\n` +
      (holder === undefined ? "" : `  Stop it:    kill ${holder.pid}\n`) +
      `  Or start:   npm start -- --port ${port + 10}`,
    context: { port },
  });
}

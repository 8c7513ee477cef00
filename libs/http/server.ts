import type { Log } from "../telemetry/index.ts";
import type { World } from "../world/index.ts";
import { ConnectionCaps } from "./connection-caps.ts";
import { ConnectionSet } from "./connection-set.ts";
import type { ExchangeHandler } from "./contract.ts";
import { type ServerLimits, serverLimitsDefault } from "./limits.ts";
import { Listener, type ListenTarget } from "./listener.ts";
import { type DescribeRefusal, describeAsProblem, turnAway } from "./refusal.ts";

export interface HttpServerOptions {
  /** Runs once a request's head is there. What it throws is answered with 500 and logged. */
  readonly onExchange: ExchangeHandler;
  readonly world: World;
  readonly log: Log;
  readonly limits?: Partial<ServerLimits>;
  /** The body of what the server refuses by itself; problem+json (RFC 9457) when absent. */
  readonly describeRefusal?: DescribeRefusal;
}

export interface HttpServer {
  /** Binds, or takes a listening descriptor over. A dead server's socket file is replaced. */
  listen(target: ListenTarget): Promise<void>;
  /** `unix:/path` or `tcp:host:port`, with the port that was really bound. */
  readonly address: string;
  readonly connections: number;
  /**
   * Stops accepting, closes idle connections, lets answers under way finish with
   * `connection: close`; after `deadlineMs` breaks off what is left. Resolves when all is closed.
   */
  close(options: { readonly deadlineMs: number }): Promise<void>;
}

/** The strict server of the inner hops: HTTP/1.1 only, and refuses what it does not understand. */
export function createHttpServer(options: HttpServerOptions): HttpServer {
  const { world, log, onExchange } = options;
  const limits = { ...serverLimitsDefault, ...options.limits };
  const describe = options.describeRefusal ?? describeAsProblem;
  const connections = new ConnectionSet({ world, log, limits, onExchange, describe });
  const listener = new Listener({
    caps: new ConnectionCaps(limits),
    sharesReads: true,
    onSocket: (socket) => connections.add(socket),
    onSurplus: (socket) => turnAway(socket, describe),
  });
  return {
    listen: async (target) => {
      await listener.listen(target);
      connections.startSweeping();
    },
    get address() {
      return listener.address;
    },
    get connections() {
      return listener.connections;
    },
    close: async ({ deadlineMs }) => {
      listener.stop();
      connections.drain();
      const deadline = world.timers.after(deadlineMs, () => listener.destroySockets());
      await listener.emptied();
      deadline.cancel();
      connections.stopSweeping();
    },
  };
}

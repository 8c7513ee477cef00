/** How a start looks whose processes may be those that run already. */
export interface Wishes {
  readonly host: string;
  /** 0 takes whatever is free, so what is open already will do. */
  readonly port: number;
  /** As `port`; undefined where gRPC is to have none of its own. */
  readonly grpcPort: number | undefined;
  readonly topologyHash: string;
}

export interface Heritage {
  readonly door: { readonly host: string; readonly port: number };
  readonly grpcDoor?: { readonly port: number } | undefined;
  readonly topologyHash: string;
}

/**
 * Whether the processes of a supervisor that was killed are what this start wants. Undefined when
 * they are; else why they have to go, in words for the log. Settings are not asked about: they
 * reach a process when it is next started.
 */
export function whyNotToAdopt(wishes: Wishes, left: Heritage): string | undefined {
  if (wishes.host !== left.door.host) return `they serve on ${left.door.host}`;
  if (wishes.port !== 0 && wishes.port !== left.door.port) {
    return `they serve on port ${left.door.port}`;
  }
  if (!isSameGrpcPort(wishes.grpcPort, left.grpcDoor?.port)) {
    return `they serve gRPC on ${portName(left.grpcDoor?.port)}`;
  }
  if (wishes.topologyHash !== left.topologyHash) return "the topology is another one";
  return undefined;
}

function isSameGrpcPort(wished: number | undefined, left: number | undefined): boolean {
  return wished === left || (wished === 0 && left !== undefined);
}

function portName(port: number | undefined): string {
  return port === undefined ? "no port of its own" : `port ${port}`;
}

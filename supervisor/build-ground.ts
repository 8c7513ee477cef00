import type { Lifecycle } from "@tandem/libs/service";
import { replicasOf } from "@tandem/libs/service";
import { type Config, wishedGrpcPort } from "./config.ts";
import { type HeldDoor, openDoor } from "./door/held-door.ts";
import { ownIdentity, takeOwnership } from "./folder/owner.ts";
import { makeRunDirectory, type RunDirectory } from "./folder/run-directory.ts";
import type { RunOptions } from "./run-options.ts";
import { loadSecrets, type Secrets } from "./secrets.ts";
import { type Heritage, takeOver } from "./take-over.ts";

/** What stands before any process does: the folder is ours, the door is held, the keys are there. */
export interface Ground {
  readonly runDirectory: RunDirectory;
  readonly door: HeldDoor;
  /** Of gRPC alone; undefined where it is switched off. */
  readonly grpcDoor: HeldDoor | undefined;
  readonly secrets: Secrets;
  /** The public door, as a client on this machine writes it. */
  readonly url: string;
  /** Where gRPC has a port of its own: `127.0.0.1:4601`, as its clients write it. */
  readonly grpcAddress: string | undefined;
  /** Unix socket of the control door. */
  readonly control: string;
  /** What runs already: its supervisor was killed, and we go on with it. */
  readonly heritage: Heritage | undefined;
}

/** Takes possession, in an order in which nothing is touched that might be another Tandem's. */
export async function buildGround(options: RunOptions, lifecycle: Lifecycle): Promise<Ground> {
  const { config, directory, topology, world } = options;
  const ownership = await takeOwnership(directory);
  lifecycle.defer("ownership", () => ownership.release());
  const heritage = await takeOver(options);
  const { host } = config;
  const port = heritage?.port ?? config.port;
  const door = heritage?.door ?? (await openDoor({ kind: "public", host, port }));
  // Before the routers leave: who comes after them is refused, and not kept waiting for nobody.
  lifecycle.onDrain(() => door.close());
  const grpcDoor = heritage?.grpcDoor ?? (await openGrpcDoor(config, heritage?.grpcPort));
  lifecycle.onDrain(() => grpcDoor?.close());
  const runDirectory = makeRunDirectory(directory.path, heritage?.runDirectory);
  lifecycle.defer("run directory", () => runDirectory.remove());
  const deployables = [...new Set(replicasOf(topology).map(({ deployable }) => deployable))];
  const secrets = loadSecrets(directory.secretsFile, { deployables, world });
  const control = `${runDirectory.sockets}/control.sock`;
  ownership.announce({
    ...{ process: ownIdentity(), runDirectory: runDirectory.path, control, port: door.port },
  });
  const url = `http://${reachable(host)}:${door.port}`;
  const grpcAddress = grpcDoor && `${reachable(host)}:${grpcDoor.port}`;
  return { runDirectory, door, grpcDoor, secrets, url, grpcAddress, control, heritage };
}

/** As wished, or where a killed predecessor had it. */
async function openGrpcDoor(
  config: Config,
  heldPort: number | undefined,
): Promise<HeldDoor | undefined> {
  const wished = wishedGrpcPort(config);
  if (wished === undefined) return undefined;
  return openDoor({ kind: "grpc", host: config.host, port: heldPort ?? wished });
}

/** Where this machine reaches a server that is bound to this address. */
function reachable(host: string): string {
  if (host === "0.0.0.0" || host === "::") return "127.0.0.1";
  return host.includes(":") ? `[${host}]` : host;
}

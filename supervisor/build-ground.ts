import type { Lifecycle } from "@tandem/libs/service";
import { replicasOf } from "@tandem/libs/service";
import { openPublicDoor, type PublicDoor } from "./door/public-door.ts";
import { ownIdentity, takeOwnership } from "./folder/owner.ts";
import { makeRunDirectory, type RunDirectory } from "./folder/run-directory.ts";
import type { RunOptions } from "./run-options.ts";
import { loadSecrets, type Secrets } from "./secrets.ts";
import { type Heritage, takeOver } from "./take-over.ts";

/** What stands before any process does: the folder is ours, the door is held, the keys are there. */
export interface Ground {
  readonly runDirectory: RunDirectory;
  readonly door: PublicDoor;
  readonly secrets: Secrets;
  /** The public door, as a client on this machine writes it. */
  readonly url: string;
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
  const wanted = { host: config.host, port: heritage?.port ?? config.port };
  const door = heritage?.door ?? (await openPublicDoor(wanted));
  // Before the routers leave: who comes after them is refused, and not kept waiting for nobody.
  lifecycle.onDrain(() => door.close());
  const runDirectory = makeRunDirectory(directory.path, heritage?.runDirectory);
  lifecycle.defer("run directory", () => runDirectory.remove());
  const deployables = [...new Set(replicasOf(topology).map(({ deployable }) => deployable))];
  const secrets = loadSecrets(directory.secretsFile, { deployables, world });
  const control = `${runDirectory.sockets}/control.sock`;
  const { port } = door;
  ownership.announce({ process: ownIdentity(), runDirectory: runDirectory.path, control, port });
  const url = `http://${reachable(config.host)}:${port}`;
  return { runDirectory, door, secrets, url, control, heritage };
}

/** Where this machine reaches a server that is bound to this address. */
function reachable(host: string): string {
  if (host === "0.0.0.0" || host === "::") return "127.0.0.1";
  return host.includes(":") ? `[${host}]` : host;
}

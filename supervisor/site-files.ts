import { parseReplicaName, type Topology, type TopologyProcess } from "@tandem/libs/service";
import type { ConfigSections } from "./config-file.ts";
import type { Fleet } from "./fleet/fleet.ts";
import { doorDescriptors, hostsRouter } from "./fleet/launch.ts";
import type { Order, PassportKeys } from "./fleet/messages.ts";
import { type SiteFile, type SiteReplica, siteFilePath, writeSiteFile } from "./fleet/site-file.ts";
import type { DataDirectory } from "./folder/data-directory.ts";
import { nameOfSigningKeys, type Secrets } from "./secrets.ts";

/**
 * Deployables that turn secrets into hashes, or seal what they keep. Whoever is not among them and
 * reads the pepper does not start.
 */
const pepperHolders = new Set(["access", "business", "ai", "auth", "users", "inference"]);

export interface SiteFilesOptions {
  readonly topology: Topology;
  readonly logLevel: SiteFile["logLevel"];
  readonly orphanLimitMs: number;
  /** Routers get a door for gRPC alone, too. */
  readonly hasGrpcDoor: boolean;
  readonly directory: DataDirectory;
  /** Where sockets and the files themselves go. */
  readonly sockets: string;
  readonly secrets: Secrets;
  readonly databaseUrls: ReadonlyMap<string, string>;
  readonly hotStoreUrl: string;
  readonly sections: ConfigSections;
  readonly flags: ReadonlyMap<string, Readonly<Record<string, string>>>;
  /** What the supervisor itself has to tell a deployable, below what the file says. */
  readonly told: ReadonlyMap<string, Readonly<Record<string, unknown>>>;
}

/** Writes each process's site file: what its replicas need, and nothing that is another's. */
export function writeSiteFiles(fleet: Fleet, options: SiteFilesOptions): void {
  for (const { spec } of fleet.processes) {
    writeSiteFile(siteFilePath(options.sockets, spec.name), siteFileOf(spec, fleet, options));
  }
}

function siteFileOf(spec: TopologyProcess, fleet: Fleet, options: SiteFilesOptions): SiteFile {
  const { directory } = options;
  return {
    process: spec.name,
    topology: fleet.roster.topologyWith(spec),
    weights: fleet.roster.weights,
    logLevel: options.logLevel,
    sockets: options.sockets,
    orphanRule: {
      limitMs: options.orphanLimitMs,
      notesFile: directory.processesFile,
      ownerFile: directory.ownerFile,
    },
    ...(hostsRouter(spec) ? { publicDescriptor: doorDescriptors.public } : {}),
    ...(hostsRouter(spec) && options.hasGrpcDoor ? { grpcDescriptor: doorDescriptors.grpc } : {}),
    keysName: nameOfSigningKeys(options.secrets),
    replicas: spec.hosts.map((host) => replicaOf(host, options)),
  };
}

function replicaOf(host: string, options: SiteFilesOptions): SiteReplica {
  const { directory, secrets, databaseUrls, sections, flags, told } = options;
  const { deployable, replica, id } = parseReplicaName(host);
  const databaseUrl = databaseUrls.get(deployable);
  return {
    deployable,
    replica,
    dataDirectory: directory.replicaFolder(id),
    ...(databaseUrl === undefined ? {} : { databaseUrl }),
    hotStoreUrl: options.hotStoreUrl,
    settings: { ...told.get(deployable), ...sections.get(deployable) },
    flags: flags.get(deployable) ?? {},
    ...passportKeysOf(deployable, options),
    apiKeyPepper: pepperHolders.has(deployable) ? secrets.apiKeyPepper : "",
  };
}

type KeysOptions = Pick<SiteFilesOptions, "topology" | "secrets">;

function passportKeysOf(deployable: string, { topology, secrets }: KeysOptions): PassportKeys {
  const callers = Object.entries(topology.calls)
    .filter(([, targets]) => targets.includes(deployable))
    .map(([caller]) => caller);
  const publicHalves = (keys: Secrets["passportKeys"]): Record<string, string> =>
    Object.fromEntries(
      callers.flatMap((caller) => {
        const pair = keys[caller];
        return pair === undefined ? [] : [[caller, pair.publicKey]];
      }),
    );
  return {
    passportPrivateKey: secrets.passportKeys[deployable]?.privateKey ?? "",
    passportPublicKeys: publicHalves(secrets.passportKeys),
    otherPublicKeys: publicHalves(secrets.rotation?.otherKeys ?? {}),
  };
}

/** What the site file says of keys, for a process that runs. */
export function keysOrderFor({ hosts }: TopologyProcess, options: KeysOptions): Order {
  const deployables = [...new Set(hosts.map((host) => parseReplicaName(host).deployable))];
  return {
    kind: "keys",
    name: nameOfSigningKeys(options.secrets),
    byDeployable: Object.fromEntries(
      deployables.map((deployable) => [deployable, passportKeysOf(deployable, options)]),
    ),
  };
}

import { parseReplicaName, type Topology, type TopologyProcess } from "@tandem/libs/service";
import type { ConfigSections } from "./config-file.ts";
import type { Fleet } from "./fleet/fleet.ts";
import { doorDescriptors, hostsRouter } from "./fleet/launch.ts";
import { type SiteFile, type SiteReplica, siteFilePath, writeSiteFile } from "./fleet/site-file.ts";
import type { DataDirectory } from "./folder/data-directory.ts";
import type { Secrets } from "./secrets.ts";

/** Deployables that turn API keys into hashes. */
const keyHandlers = new Set(["access", "business", "ai", "auth"]);

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
    replicas: spec.hosts.map((host) => replicaOf(host, options)),
  };
}

function replicaOf(host: string, options: SiteFilesOptions): SiteReplica {
  const { topology, directory, secrets, databaseUrls, sections, flags, told } = options;
  const { deployable, replica, id } = parseReplicaName(host);
  const databaseUrl = databaseUrls.get(deployable);
  const callers = Object.entries(topology.calls)
    .filter(([, targets]) => targets.includes(deployable))
    .map(([caller]) => caller);
  return {
    deployable,
    replica,
    dataDirectory: directory.replicaFolder(id),
    ...(databaseUrl === undefined ? {} : { databaseUrl }),
    hotStoreUrl: options.hotStoreUrl,
    settings: { ...told.get(deployable), ...sections.get(deployable) },
    flags: flags.get(deployable) ?? {},
    passportPrivateKey: secrets.passportKeys[deployable]?.privateKey ?? "",
    passportPublicKeys: Object.fromEntries(
      callers.map((caller) => [caller, secrets.passportKeys[caller]?.publicKey ?? ""]),
    ),
    apiKeyPepper: keyHandlers.has(deployable) ? secrets.apiKeyPepper : "",
  };
}

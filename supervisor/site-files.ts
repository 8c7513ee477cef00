import { join } from "node:path";
import { parseReplicaName, type Topology, type TopologyProcess } from "@tandem/libs/service";
import type { ConfigSections } from "./config-file.ts";
import { doorDescriptor, hostsRouter } from "./fleet/launch.ts";
import { type SiteFile, type SiteReplica, writeSiteFile } from "./fleet/site-file.ts";
import type { DataDirectory } from "./folder/data-directory.ts";
import type { Secrets } from "./secrets.ts";

/** Deployables that turn API keys into hashes. */
const keyHandlers = new Set(["access", "business", "ai", "auth"]);

export interface SiteFilesOptions {
  readonly topology: Topology;
  readonly logLevel: SiteFile["logLevel"];
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

export function siteFilePath(sockets: string, process: string): string {
  return join(sockets, `${process}.site.json`);
}

/** Writes each process's site file: what its replicas need, and nothing that is another's. */
export function writeSiteFiles(options: SiteFilesOptions): void {
  for (const process of options.topology.processes) {
    writeSiteFile(siteFilePath(options.sockets, process.name), siteFileOf(process, options));
  }
}

function siteFileOf(process: TopologyProcess, options: SiteFilesOptions): SiteFile {
  return {
    process: process.name,
    topology: options.topology,
    logLevel: options.logLevel,
    sockets: options.sockets,
    ...(hostsRouter(process) ? { publicDescriptor: doorDescriptor } : {}),
    replicas: process.hosts.map((host) => replicaOf(host, options)),
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

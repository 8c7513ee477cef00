import { readFileSync } from "node:fs";
import { topologySchema } from "@tandem/libs/service";
import { z } from "zod";
import { writePrivateFile } from "../folder/private-file.ts";
import { passportKeysSchema } from "./messages.ts";

const siteFileEnding = ".site.json";

const replicaSchema = z.object({
  deployable: z.string(),
  replica: z.int().positive(),
  dataDirectory: z.string(),
  databaseUrl: z.string().optional(),
  hotStoreUrl: z.string(),
  settings: z.record(z.string(), z.unknown()),
  flags: z.record(z.string(), z.string()),
  ...passportKeysSchema.shape,
  /** Base64; empty for deployables that never see an API key. */
  apiKeyPepper: z.string(),
});

/** What it does not know it passes over: the supervisor may be of the next version. */
const siteFileSchema = z.object({
  process: z.string(),
  topology: topologySchema,
  /** Share of its gateway's requests by replica, `ai-3`: for one that is on trial. */
  weights: z.record(z.string(), z.number()),
  logLevel: z.enum(["debug", "info", "warn", "error"]),
  /** Where the replicas' Unix sockets are. */
  sockets: z.string(),
  /** What to do when the supervisor was killed and no successor comes. */
  orphanRule: z.object({ limitMs: z.number(), notesFile: z.string(), ownerFile: z.string() }),
  /** Descriptor of the public door, in processes that host a router. */
  publicDescriptor: z.int().optional(),
  /** The same of the door of gRPC alone, where there is one. */
  grpcDescriptor: z.int().optional(),
  /** Which signing keys these are. */
  keysName: z.string().default(""),
  replicas: z.array(replicaSchema).min(1),
});

/** All that a process is told; for its owner's eyes only, since it holds keys and passwords. */
export type SiteFile = z.infer<typeof siteFileSchema>;
export type SiteReplica = SiteFile["replicas"][number];

export function writeSiteFile(path: string, content: SiteFile): void {
  writePrivateFile(path, JSON.stringify(content), { isLasting: false });
}

export function readSiteFile(path: string): SiteFile {
  return siteFileSchema.parse(JSON.parse(readFileSync(path, "utf8")));
}

/** Where a process is told about itself. */
export function siteFilePath(sockets: string, process: string): string {
  return `${sockets}/${process}${siteFileEnding}`;
}

/** Where a successor of the supervisor finds the process that this site file is for. */
export function linkPathOf(siteFile: string): string {
  return siteFile.replace(siteFileEnding, ".link");
}

/** Where a process that hosts a router lends the public door. */
export function doorPathOf(siteFile: string): string {
  return siteFile.replace(siteFileEnding, ".door");
}

/** Where it lends that of gRPC alone. */
export function grpcDoorPathOf(siteFile: string): string {
  return siteFile.replace(siteFileEnding, ".grpc-door");
}

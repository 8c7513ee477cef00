import { readFileSync } from "node:fs";
import { topologySchema } from "@tandem/libs/service";
import { z } from "zod";
import { writePrivateFile } from "../folder/private-file.ts";

const replicaSchema = z.strictObject({
  deployable: z.string(),
  replica: z.int().positive(),
  dataDirectory: z.string(),
  databaseUrl: z.string().optional(),
  hotStoreUrl: z.string(),
  settings: z.record(z.string(), z.unknown()),
  flags: z.record(z.string(), z.string()),
  /** PKCS #8 PEM of this deployable's Ed25519 key. */
  passportPrivateKey: z.string(),
  /** SPKI PEM by issuer: those whom the topology lets call here, nobody else. */
  passportPublicKeys: z.record(z.string(), z.string()),
  /** Base64; empty for deployables that never see an API key. */
  apiKeyPepper: z.string(),
});

const siteFileSchema = z.strictObject({
  process: z.string(),
  topology: topologySchema,
  logLevel: z.enum(["debug", "info", "warn", "error"]),
  /** Where the replicas' Unix sockets are. */
  sockets: z.string(),
  /** Descriptor of the public door, in processes that host a router. */
  publicDescriptor: z.int().optional(),
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

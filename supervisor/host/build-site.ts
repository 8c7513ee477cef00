import { createPrivateKey, createPublicKey } from "node:crypto";
import { allowedAddresses, type Site } from "@tandem/libs/service";
import type { Log, Metrics } from "@tandem/libs/telemetry";
import type { World } from "@tandem/libs/world";
import type { SiteFile, SiteReplica } from "../fleet/site-file.ts";

/** What a replica is told, from the file that the supervisor wrote for its process. */
export function buildSite(
  file: SiteFile,
  replica: SiteReplica,
  parts: { readonly world: World; readonly log: Log; readonly metrics: Metrics },
): Site {
  const { deployable } = replica;
  const id = `${deployable}-${replica.replica}`;
  const addressOf = (name: { readonly id: string }): `unix:${string}` =>
    `unix:${file.sockets}/${name.id}.sock`;
  return {
    world: parts.world,
    deployable,
    replica: replica.replica,
    id,
    topology: file.topology,
    log: parts.log.with({ service: deployable, replica: id }),
    metrics: parts.metrics,
    keys: {
      passportPrivateKey: createPrivateKey(replica.passportPrivateKey),
      passportPublicKeys: new Map(
        Object.entries(replica.passportPublicKeys).map(([issuer, pem]) => [
          issuer,
          createPublicKey(pem),
        ]),
      ),
      apiKeyPepper: Buffer.from(replica.apiKeyPepper, "base64"),
    },
    address: addressOf({ id }),
    inheritedDescriptor: deployable === "router" ? file.publicDescriptor : undefined,
    dataDirectory: replica.dataDirectory,
    databaseUrl: replica.databaseUrl,
    hotStoreUrl: replica.hotStoreUrl,
    addressesOf: allowedAddresses({ topology: file.topology, caller: deployable, addressOf }),
    settings: replica.settings,
    flags: replica.flags,
  };
}

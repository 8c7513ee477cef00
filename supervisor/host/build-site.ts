import { allowedAddresses, type CallTallies, type Site } from "@tandem/libs/service";
import type { Log, Metrics } from "@tandem/libs/telemetry";
import type { World } from "@tandem/libs/world";
import type { SiteFile, SiteReplica } from "../fleet/site-file.ts";
import type { Members } from "./members.ts";
import type { HeldSigningKeys } from "./signing-keys.ts";

/** What a replica is told, from the file that the supervisor wrote for its process. */
export function buildSite(
  file: SiteFile,
  replica: SiteReplica,
  parts: {
    readonly world: World;
    readonly log: Log;
    readonly metrics: Metrics;
    readonly members: Members;
    readonly callTallies: CallTallies;
    readonly signingKeys: HeldSigningKeys;
  },
): Site {
  const { members, signingKeys } = parts;
  const { deployable } = replica;
  const id = `${deployable}-${replica.replica}`;
  const addressOf = (name: { readonly id: string }): `unix:${string}` =>
    `unix:${file.sockets}/${name.id}.sock`;
  return {
    world: parts.world,
    deployable,
    replica: replica.replica,
    id,
    get topology() {
      return members.topology;
    },
    log: parts.log.with({ service: deployable, replica: id }),
    metrics: parts.metrics,
    keys: {
      get passportPrivateKey() {
        return signingKeys.of(deployable).passportPrivateKey;
      },
      get passportPublicKeys() {
        return signingKeys.of(deployable).passportPublicKeys;
      },
      get apiKeyPepper() {
        return pepperOf(replica);
      },
    },
    address: addressOf({ id }),
    inheritedDescriptor: deployable === "router" ? file.publicDescriptor : undefined,
    grpcDescriptor: deployable === "router" ? file.grpcDescriptor : undefined,
    dataDirectory: replica.dataDirectory,
    databaseUrl: replica.databaseUrl,
    hotStoreUrl: replica.hotStoreUrl,
    addressesOf: (target) => {
      const { topology } = members;
      return allowedAddresses({ topology, caller: deployable, addressOf })(target);
    },
    onMembersChange: members.onChange,
    weightOf: members.weightOf,
    callTallies: parts.callTallies,
    settings: replica.settings,
    flags: replica.flags,
  };
}

/** Without one everything would be sealed under a key that everybody can derive. */
function pepperOf({ deployable, apiKeyPepper }: SiteReplica): Buffer {
  if (apiKeyPepper === "") throw new Error(`${deployable} was not given the pepper`);
  return Buffer.from(apiKeyPepper, "base64");
}

import { createPrivateKey, createPublicKey, type KeyObject } from "node:crypto";
import type { SiteKeys } from "@tandem/libs/service";
import type { PassportKeys } from "../fleet/messages.ts";
import type { SiteFile } from "../fleet/site-file.ts";
import type { SupervisorLink } from "./supervisor-link.ts";

type LiveKeys = Pick<SiteKeys, "passportPrivateKey" | "passportPublicKeys">;

/** What this process's replicas sign with and accept: at the start by file, then by order. */
export interface HeldSigningKeys {
  /** As it is at the moment. */
  of(deployable: string): LiveKeys;
}

/** All replicas change in one go, and only then the supervisor hears that they have. */
export function followSigningKeys(
  link: SupervisorLink,
  file: Pick<SiteFile, "keysName" | "replicas">,
): HeldSigningKeys {
  let name = file.keysName;
  let held = readAll(file.replicas.map((replica) => [replica.deployable, replica]));
  link.onOrder((order) => {
    if (order.kind !== "keys") return;
    if (order.name !== name) {
      held = readAll(Object.entries(order.byDeployable));
      name = order.name;
    }
    link.tell({ kind: "keys", name });
  });
  link.tell({ kind: "keys", name });
  return {
    of: (deployable) => {
      const keys = held.get(deployable);
      if (keys === undefined) throw new Error(`there are no keys of ${deployable}`);
      return keys;
    },
  };
}

function readAll(
  entries: readonly (readonly [string, PassportKeys])[],
): ReadonlyMap<string, LiveKeys> {
  return new Map(entries.map(([deployable, keys]) => [deployable, readKeys(keys)]));
}

function readKeys({
  passportPrivateKey,
  passportPublicKeys,
  otherPublicKeys,
}: PassportKeys): LiveKeys {
  const accepted = new Map<string, KeyObject[]>();
  for (const keys of [passportPublicKeys, otherPublicKeys]) {
    for (const [issuer, pem] of Object.entries(keys)) {
      accepted.set(issuer, [...(accepted.get(issuer) ?? []), createPublicKey(pem)]);
    }
  }
  return {
    passportPrivateKey: createPrivateKey(passportPrivateKey),
    passportPublicKeys: accepted,
  };
}

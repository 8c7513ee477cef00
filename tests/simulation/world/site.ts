import { generateKeyPairSync, type KeyObject } from "node:crypto";
import {
  type Address,
  allowedAddresses,
  parseTopology,
  type ReplicaName,
  type Site,
  type SiteKeys,
  type Topology,
} from "@tandem/libs/service";
import { createMetrics, type Log } from "@tandem/libs/telemetry";
import type { SimulatedProcess } from "./machine.ts";

export const services = [
  ...(["auth", "quota", "articles", "chat"] as const),
  ...(["models", "inference", "monitoring", "analytics"] as const),
] as const;

/** Two of what this world is about, one of what only has to be there. */
export const topology: Topology = parseTopology({
  version: 1,
  description: "of the simulated world",
  processes: [
    { name: "router-1", hosts: ["router/1"], level: 2 },
    { name: "router-2", hosts: ["router/2"], level: 2 },
    { name: "ai-1", hosts: ["ai/1"], level: 1 },
    { name: "ai-2", hosts: ["ai/2"], level: 1 },
    { name: "quota-1", hosts: ["quota/1"], level: 0 },
    { name: "quota-2", hosts: ["quota/2"], level: 0 },
    { name: "auth-1", hosts: ["auth/1"], level: 0 },
    { name: "auth-2", hosts: ["auth/2"], level: 0 },
    { name: "analytics-1", hosts: ["analytics/1"], level: 0 },
    {
      name: "shelf-1",
      hosts: ["models/1", "inference/1", "articles/1", "chat/1", "monitoring/1"],
      level: 0,
    },
  ],
  calls: {
    router: ["ai"],
    ai: ["auth", "quota", "articles", "chat", "models", "inference", "monitoring"],
    quota: ["analytics"],
  },
  routes: [{ path: "/v1/*", gateway: "ai", replay: "always" }],
});

/** What one JavaScript process needs once: signing keys say nothing about behaviour. */
const privateKeys = new Map<string, KeyObject>();
const publicKeys = new Map<string, readonly KeyObject[]>();
for (const deployable of ["router", "ai", ...services]) {
  const pair = generateKeyPairSync("ed25519");
  privateKeys.set(deployable, pair.privateKey);
  publicKeys.set(deployable, [pair.publicKey]);
}
export const pepper = new Uint8Array(32).fill(7);

function keysOf(deployable: string): SiteKeys {
  const passportPrivateKey = privateKeys.get(deployable);
  if (passportPrivateKey === undefined) throw new Error(`${deployable} has no key`);
  return { passportPrivateKey, passportPublicKeys: publicKeys, apiKeyPepper: pepper };
}

/** Which machine a replica is on: that of the process which hosts it. */
export function addressOf({ deployable, replica, id }: ReplicaName): Address {
  const host = topology.processes.find(({ hosts }) => hosts.includes(`${deployable}/${replica}`));
  return `unix:/sim/${host?.name ?? id}/${id}.sock`;
}

/** A replica's place in the simulated world, as the supervisor would give it. */
export function simulatedSite(
  name: ReplicaName,
  given: {
    readonly process: SimulatedProcess;
    readonly log: Log;
    readonly settings?: Readonly<Record<string, unknown>> | undefined;
  },
): Site {
  const { process, log, settings = {} } = given;
  return {
    world: process.world,
    ...name,
    topology,
    log: log.with({ replica: name.id }),
    metrics: createMetrics(),
    keys: keysOf(name.deployable),
    address: addressOf(name),
    inheritedDescriptor: undefined,
    dataDirectory: `/data/${name.id}`,
    databaseUrl: undefined,
    hotStoreUrl: "redis://hot",
    settings,
    addressesOf: allowedAddresses({ topology, caller: name.deployable, addressOf }),
  };
}

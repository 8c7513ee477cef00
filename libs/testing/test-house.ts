import { generateKeyPairSync, type KeyObject } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Address, Site, Topology } from "../service/index.ts";
import { createLog, createMetrics } from "../telemetry/index.ts";
import { realWorld, type World } from "../world/index.ts";

/**
 * Sites for replicas that a test mounts in its own process: keys, sockets and folders as the
 * supervisor would give them, so that `run(config, site)` starts the real thing.
 */
export interface TestHouse {
  /** A site of `auth/1` and the like. Asked twice for the same replica, it gives the same folder. */
  site(replica: `${string}/${number}`, given?: SiteOverrides): Site;
  /** Log lines of all sites so far, as JSON objects. */
  readonly logLines: readonly Readonly<Record<string, unknown>>[];
  close(): void;
}

type SiteOverrides = Partial<Pick<Site, "databaseUrl" | "hotStoreUrl" | "settings" | "world">>;

/**
 * `replicas` are all that exist (`auth/1`), `calls` who may call whom. Sockets stand in a folder of
 * their own, which `close` removes.
 */
export function createTestHouse(options: {
  readonly replicas: readonly `${string}/${number}`[];
  readonly calls: Readonly<Record<string, readonly string[]>>;
  readonly world?: World;
}): TestHouse {
  const folder = mkdtempSync(join(tmpdir(), "tandem-house-"));
  const pepper = new Uint8Array(32).fill(7);
  const logLines: Record<string, unknown>[] = [];
  const deployables = new Set(options.replicas.map((replica) => replica.split("/")[0] ?? ""));
  const privateKeys = new Map<string, KeyObject>();
  const publicKeys = new Map<string, readonly KeyObject[]>();
  for (const deployable of deployables) {
    const pair = generateKeyPairSync("ed25519");
    privateKeys.set(deployable, pair.privateKey);
    publicKeys.set(deployable, [pair.publicKey]);
  }
  const topology: Topology = {
    version: 1,
    description: "of a test",
    processes: [{ name: "test", hosts: [...options.replicas], level: 0 }],
    calls: Object.fromEntries(Object.entries(options.calls).map(([who, whom]) => [who, [...whom]])),
    routes: [],
  };
  const addressOf = (replica: string): Address =>
    `unix:${folder}/${replica.replace("/", "-")}.sock`;

  function site(replica: `${string}/${number}`, given: SiteOverrides = {}): Site {
    const [deployable = "", number = "1"] = replica.split("/");
    const passportPrivateKey = privateKeys.get(deployable);
    if (passportPrivateKey === undefined) throw new Error(`${replica} is not in this house`);
    const id = `${deployable}-${number}`;
    const dataDirectory = join(folder, "data", id);
    mkdirSync(dataDirectory, { recursive: true });
    return {
      world: given.world ?? options.world ?? realWorld(),
      deployable,
      replica: Number(number),
      id,
      topology,
      log: createLog({
        level: "debug",
        fields: { replica: id },
        write: (line) => logLines.push(JSON.parse(line) as Record<string, unknown>),
      }),
      metrics: createMetrics(),
      keys: { passportPrivateKey, passportPublicKeys: publicKeys, apiKeyPepper: pepper },
      address: addressOf(replica),
      inheritedDescriptor: undefined,
      dataDirectory,
      databaseUrl: given.databaseUrl,
      hotStoreUrl: given.hotStoreUrl ?? "memory:",
      settings: given.settings ?? {},
      addressesOf: (target) => {
        if (!(topology.calls[deployable] ?? []).includes(target)) {
          throw new Error(`the topology does not let ${deployable} call ${target}`);
        }
        return options.replicas.filter((name) => name.startsWith(`${target}/`)).map(addressOf);
      },
    };
  }

  return {
    site,
    logLines,
    close: () => rmSync(folder, { recursive: true, force: true }),
  };
}

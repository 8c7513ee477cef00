import type { KeyObject } from "node:crypto";
import type { PassportPublicKeys } from "../rpc/index.ts";
import type { Log, Metrics } from "../telemetry/index.ts";
import type { World } from "../world/index.ts";
import type { Address } from "./address.ts";
import type { CallTallies } from "./call-tallies.ts";
import type { Topology } from "./topology.ts";

/**
 * This deployable's signing key, and every deployable's public ones, as they are at the moment:
 * they may be rotated, so read them here whenever they are used. Whatever changes is a new object.
 */
export interface SiteKeys {
  /**
   * Ed25519. Every deployable has its own, shared by its replicas, so that one that is taken over
   * opens only the services that the topology lets it call.
   */
  readonly passportPrivateKey: KeyObject;
  /** By deployable (`access`, `ai`, `auth` …); whose passports a service accepts. */
  readonly passportPublicKeys: PassportPublicKeys;
  /** 32 bytes that pepper API-key hashes; the same for every gateway and auth replica. */
  readonly apiKeyPepper: Uint8Array;
}

/** What a replica is told about where it lives. Everything else it gets from its config. */
export interface Site {
  readonly world: World;
  /** `router`, `access`, `ai`, `auth` … */
  readonly deployable: string;
  /** 1, 2 … among the replicas of its deployable. */
  readonly replica: number;
  /** `auth-1`. */
  readonly id: string;
  /** As it is at the moment: replicas come and go. */
  readonly topology: Topology;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly keys: SiteKeys;
  /** Where this replica has to listen; a router's own door for probes and calls by its peers. */
  readonly address: Address;
  /**
   * The public door: a descriptor that the supervisor has bound, shared by all routers, for
   * `server.listen({ fd })`. Routers only; undefined where a router is to bind `address` alone.
   */
  readonly inheritedDescriptor: number | undefined;
  /** The same of the door of gRPC alone; absent where there is none. */
  readonly grpcDescriptor?: number | undefined;
  /** Durable, this replica's alone; survives restarts and kill -9. Journals live here. */
  readonly dataDirectory: string;
  /** PostgreSQL URL of this deployable's own database; absent for routers and gateways. */
  readonly databaseUrl: string | undefined;
  /** `redis://…`, `lmdb:/path` or `memory:`; for `openHotStore`. */
  readonly hotStoreUrl: string;
  /** Where the replicas of another deployable listen. Throws when `topology.calls` forbids it. */
  addressesOf(deployable: string): readonly Address[];
  /** Calls back when replicas have come or gone; absent where they never do. */
  readonly onMembersChange?: ((run: () => void) => void) | undefined;
  /** Share of its deployable's calls that a replica may have; 1 unless it is on trial. */
  readonly weightOf?: ((replicaId: string) => number) | undefined;
  /** Where clients are counted for whoever judges a release; absent where nobody does. */
  readonly callTallies?: CallTallies | undefined;
  /** Settings of this deployable from the configuration file, before validation. */
  readonly settings: Readonly<Record<string, unknown>>;
  /** Settings of this deployable from the command line, by name; they win over everything. */
  readonly flags?: Readonly<Record<string, string>> | undefined;
}

/** A running replica, as its host sees it. States: starting → ready ⇄ unready → draining → closed. */
export interface Replica {
  readonly address: Address;
  /** Names of the checks that keep this replica from serving; empty when it is ready. */
  unreadyChecks(): readonly string[];
  /** Not ready from now on; keeps serving what comes. */
  drain(): void;
  /** Stops accepting, finishes what runs, closes everything in reverse order of opening. */
  close(options: { readonly deadlineMs: number }): Promise<void>;
}

/** The one export of every deployable's `main.ts`. */
export type StartReplica = (site: Site) => Promise<Replica>;

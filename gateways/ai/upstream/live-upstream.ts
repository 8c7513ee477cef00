import { type ClientPool, createClientPool } from "@tandem/libs/http";
import { failureLatencyMs, type PeakEwma, ReplicaHealth } from "@tandem/libs/resilience";
import type { World } from "@tandem/libs/world";
import type { HealthSign } from "../core/attempts/attempt-outcome.ts";
import type { Side } from "../core/failover/failover-machine.ts";
import type { PrefixMemory } from "../core/prefix-affinity.ts";
import type { StallGauge } from "../core/stall-gauge.ts";
import type { TargetCandidate } from "../core/target-choice.ts";
import type { FailoverGroup } from "../failover/failover-group.ts";
import type { PlaceGrant } from "./places.ts";
import { Places } from "./places.ts";
import { profileNamed } from "./profile-registry.ts";
import type { UpstreamProfile } from "./profiles/profile.ts";
import { splitBaseUrl, type UpstreamSettings } from "./upstream-settings.ts";

export interface UpstreamParts {
  readonly world: World;
  /** The group that decides about these upstreams' standby; undefined where there is none. */
  readonly groupOf: (upstreams: readonly LiveUpstream[]) => FailoverGroup | undefined;
  readonly leasePlaces: (upstream: string, wanted: number, inUse: number) => Promise<PlaceGrant>;
  /** Gateway replicas, this one included. */
  readonly replicas: number;
  /** Requests that may wait for a place at one upstream. */
  readonly queueMax: number;
}

/**
 * Connections to one upstream: no bound of its own on calls, which places count, only on what a
 * process can hold.
 */
const connectionsMax = 16_384;

/** The settings by which a connection is made: when they change, everything starts anew. */
function connectionOf({ profile, baseUrl, apiKey, maxConcurrency }: UpstreamSettings): string {
  return JSON.stringify([profile, baseUrl, apiKey, maxConcurrency]);
}

/** An upstream with its connections, its places and what is known of its health. */
export class LiveUpstream {
  readonly connection: string;
  readonly profile: UpstreamProfile;
  readonly pool: ClientPool;
  readonly basePath: string;
  readonly health = new ReplicaHealth();
  readonly places: Places;
  readonly #world: World;
  #settings: UpstreamSettings;
  #isClosed: boolean = false;
  /** Counted since the last report. */
  #succeeded = 0;
  #failed = 0;
  #firstTokenMs: number[] = [];
  #lastFailure = "";

  constructor(settings: UpstreamSettings, parts: UpstreamParts) {
    const { address, path } = splitBaseUrl(settings.baseUrl);
    this.#settings = settings;
    this.#world = parts.world;
    this.connection = connectionOf(settings);
    this.profile = profileNamed(settings.profile);
    this.basePath = path;
    this.pool = createClientPool({
      address,
      world: parts.world,
      limits: { connections: connectionsMax },
    });
    this.places = new Places({
      world: parts.world,
      total: settings.maxConcurrency,
      get replicas() {
        return parts.replicas;
      },
      queueMax: parts.queueMax,
      lease: (wanted, inUse) => parts.leasePlaces(settings.name, wanted, inUse),
    });
  }

  get settings(): UpstreamSettings {
    return this.#settings;
  }

  /** True when these settings need no new connections; they are taken over then. */
  update(settings: UpstreamSettings): boolean {
    if (connectionOf(settings) !== this.connection) return false;
    if (settings.state !== this.#settings.state) this.#hearVerdict(settings.state);
    this.#settings = settings;
    return true;
  }

  /** The inference service probes for all gateways; its word counts like two probes of our own. */
  #hearVerdict(state: string): void {
    for (let probe = 0; probe < 2; probe += 1) {
      if (state === "down") this.health.probeFailed();
      else this.health.probePassed(this.#world.clock.monotonicMs());
    }
  }

  succeeded(firstTokenMs: number): void {
    this.#succeeded += 1;
    if (this.#firstTokenMs.length < 1_000) this.#firstTokenMs.push(firstTokenMs);
    this.health.callSucceeded(this.#world.clock.monotonicMs());
  }

  failed(sign: HealthSign, detail: string): void {
    const nowMs = this.#world.clock.monotonicMs();
    if (sign === "none") {
      this.health.callAbandoned();
      return;
    }
    this.#failed += 1;
    this.#lastFailure = detail;
    if (sign === "refused") this.health.callRefused(nowMs);
    else if (sign === "failed") this.health.callFailed(nowMs, this.#world.randomness.fraction());
    // Too much to do is no illness: its latency counts as five seconds instead.
    else this.health.callAbandoned();
  }

  /** What to tell the inference service, and a clean sheet. Undefined when nothing happened. */
  takeReport(): AttemptSums | undefined {
    const inFlight = this.places.inUse;
    if (this.#succeeded + this.#failed === 0 && inFlight === 0) return undefined;
    const sorted = this.#firstTokenMs.sort((left, right) => left - right);
    const report: AttemptSums = {
      upstream: this.#settings.name,
      succeeded: this.#succeeded,
      failed: this.#failed,
      firstTokenMsP95: Math.round(sorted[Math.floor(sorted.length * 0.95)] ?? 0),
      inFlight,
      lastFailure: this.#lastFailure,
    };
    this.#succeeded = 0;
    this.#failed = 0;
    this.#firstTokenMs = [];
    return report;
  }

  /** It was taken out of service, or made anew with other settings. */
  get isClosed(): boolean {
    return this.#isClosed;
  }

  close(): void {
    this.#isClosed = true;
    this.pool.close();
  }
}

export interface AttemptSums {
  readonly upstream: string;
  readonly succeeded: number;
  readonly failed: number;
  readonly firstTokenMsP95: number;
  readonly inFlight: number;
  readonly lastFailure: string;
}

/** A model at an upstream. */
export class LiveTarget implements TargetCandidate {
  readonly upstream: LiveUpstream;
  /** The model's name there. */
  readonly model: string;
  readonly order: number;
  readonly weight: number;
  readonly load: PeakEwma;
  readonly memory: PrefixMemory;
  /** Set once all targets of the model are known. */
  group: FailoverGroup | undefined;
  /** How long it usually takes. */
  readonly stall: StallGauge;

  constructor(
    upstream: LiveUpstream,
    given: { readonly model: string; readonly order: number; readonly weight: number },
    known: {
      readonly load: PeakEwma;
      readonly memory: PrefixMemory;
      readonly stall: StallGauge;
    },
  ) {
    this.upstream = upstream;
    this.model = given.model;
    this.order = given.order;
    this.weight = given.weight;
    this.load = known.load;
    this.memory = known.memory;
    this.stall = known.stall;
  }

  get health(): ReplicaHealth {
    return this.upstream.health;
  }

  get isStandby(): boolean {
    return this.upstream.settings.isStandby;
  }

  get isFull(): boolean {
    return this.upstream.places.isFull;
  }

  get kvCacheRatio(): number {
    return this.upstream.settings.kvCacheRatio;
  }

  started(): void {
    this.load.started();
    this.upstream.health.callStarted();
  }

  succeeded(firstTokenMs: number, nowMs: number): void {
    this.load.ended();
    this.load.observed(firstTokenMs, nowMs);
    this.upstream.succeeded(firstTokenMs);
    this.group?.succeeded(this.#side, nowMs, firstTokenMs);
  }

  failed(sign: HealthSign, { detail, nowMs }: { detail: string; nowMs: number }): void {
    this.load.ended();
    if (sign !== "none") this.load.observed(failureLatencyMs, nowMs);
    this.upstream.failed(sign, detail);
    // Too much to do is told by its own signs; a client that left says nothing.
    if (sign === "refused" || sign === "failed") this.group?.failed(this.#side, nowMs);
  }

  get #side(): Side {
    return this.isStandby ? "standby" : "primary";
  }
}

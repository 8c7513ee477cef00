/**
 * Looks at upstreams on own hardware every few seconds and asks each for its models. One replica
 * looks, the others stand by: the one that holds the lookout, for three seconds at a time. What it
 * finds goes to the store, from where every replica learns it. With the store away nobody writes
 * findings; gateways go on by what they meet themselves.
 */
import type { ModelsService } from "@tandem/contracts/rpc/models/v1/models_pb";
import type { RpcClient } from "@tandem/libs/rpc";
import type { Site } from "@tandem/libs/service";
import type { DeclaredUpstream } from "../core/declared-upstream.ts";
import { type Health, type HealthEvent, nextHealth, unknownHealth } from "../core/health.ts";
import { profileOf } from "../core/profiles.ts";
import type { FoundModel } from "../core/read-models.ts";
import type { Finding, UpstreamStore } from "../store/upstream-store.ts";
import type { Directory } from "./directory.ts";
import { discoverModels, lookAt, messageOf } from "./look.ts";

export interface LookoutOptions {
  readonly site: Site;
  readonly store: UpstreamStore;
  readonly directory: Directory;
  readonly models: Pick<RpcClient<(typeof ModelsService)["method"]>, "recordDiscovery">;
  readonly probePeriodMs: number;
  readonly probeTimeoutMs: number;
  readonly discoveryPeriodMs: number;
}

interface Watched {
  health: Health;
  /** What the store has been told; behind `health` while it cannot be told. */
  recorded: Health["state"];
  models: readonly FoundModel[] | undefined;
  nextDiscoveryMs: number;
  isBusy: boolean;
}

const lookoutLeaseMs = 3_000;
/** After a discovery that failed, and while an upstream has told no model yet. */
const discoveryRetryMs = 2_000;

export class Lookout {
  readonly #options: LookoutOptions;
  readonly #watched = new Map<string, Watched>();
  #isHolder = false;

  constructor(options: LookoutOptions) {
    this.#options = options;
  }

  /** One round; called every `probePeriodMs`. Never rejects. */
  async round(): Promise<void> {
    const { site, store, directory } = this.#options;
    try {
      const held = await store.holdLookout(site.id, lookoutLeaseMs);
      if (held && !this.#isHolder) this.#watched.clear();
      this.#isHolder = held;
    } catch (error) {
      site.log.debug("lookout_unsure", { detail: messageOf(error) });
    }
    if (!this.#isHolder) return;
    for (const name of this.#watched.keys()) {
      if (!directory.upstreams.has(name)) this.#watched.delete(name);
    }
    await Promise.all([...directory.upstreams.values()].map((upstream) => this.#visit(upstream)));
  }

  /** What gateways met since they last said so. */
  async noteAttempts(
    upstream: string,
    attempts: { succeeded: number; failed: number; lastFailure: string },
  ): Promise<void> {
    const declared = this.#options.directory.upstreams.get(upstream);
    if (declared === undefined) return;
    await this.#apply(declared, { kind: "attempts", ...attempts });
  }

  #watch(upstream: DeclaredUpstream): Watched {
    let watched = this.#watched.get(upstream.name);
    if (watched === undefined) {
      const nowMs = this.#nowMs();
      const known = this.#options.directory.finding(upstream.name);
      const health = unknownHealth(nowMs);
      const recorded = known?.state ?? health.state;
      watched = {
        // What another replica found stays true until this one has looked for itself.
        health: { ...health, state: recorded },
        recorded,
        models: undefined,
        nextDiscoveryMs: 0,
        isBusy: false,
      };
      this.#watched.set(upstream.name, watched);
    }
    return watched;
  }

  async #visit(upstream: DeclaredUpstream): Promise<void> {
    const watched = this.#watch(upstream);
    if (watched.isBusy || !upstream.enabled) return;
    watched.isBusy = true;
    try {
      if (profileOf(upstream.profile).isProbed) {
        const { site, probeTimeoutMs } = this.#options;
        const look = await lookAt(site.world, upstream, probeTimeoutMs);
        await this.#apply(upstream, { kind: "look", ...look });
        if (!look.ok) return;
      }
      if (upstream.discover && this.#nowMs() >= watched.nextDiscoveryMs) {
        await this.#discover(upstream, watched);
      }
    } catch (error) {
      this.#options.site.log.warn("look_failed", {
        upstream: upstream.name,
        detail: messageOf(error),
      });
    } finally {
      watched.isBusy = false;
    }
  }

  async #discover(upstream: DeclaredUpstream, watched: Watched): Promise<void> {
    const { site, models, discoveryPeriodMs } = this.#options;
    watched.nextDiscoveryMs = this.#nowMs() + discoveryRetryMs;
    let found: readonly FoundModel[];
    try {
      found = await discoverModels(site.world, upstream);
    } catch (error) {
      await this.#apply(upstream, { kind: "look", ok: false, reason: messageOf(error) });
      return;
    }
    const isProbed = profileOf(upstream.profile).isProbed;
    if (!isProbed) await this.#apply(upstream, { kind: "look", ok: true, reason: "" });
    const before = watched.models;
    if (before === undefined || JSON.stringify(before) !== JSON.stringify(found)) {
      await models.recordDiscovery({
        upstream: upstream.name,
        isLocal: profileOf(upstream.profile).isLocal,
        models: [...found, ...configuredOnly(upstream, found)].map((model) => ({
          ...model,
          capabilities: [...model.capabilities],
        })),
      });
      watched.models = found;
      await this.#write(upstream, watched);
    }
    if (found.length > 0) watched.nextDiscoveryMs = this.#nowMs() + discoveryPeriodMs;
  }

  async #apply(upstream: DeclaredUpstream, event: HealthEvent): Promise<void> {
    const watched = this.#watch(upstream);
    const before = watched.health;
    watched.health = nextHealth(before, event, this.#nowMs());
    const { state, reason } = watched.health;
    if (state !== before.state) {
      const change = { upstream: upstream.name, from: before.state, to: state, reason };
      this.#options.site.log.info("upstream_state", change);
      // Asked again at once when it is back: its models may be others now.
      if (state === "up") watched.nextDiscoveryMs = 0;
    }
    // Not only when it changes: the change may have come while the store was away.
    if (state !== watched.recorded) await this.#write(upstream, watched);
  }

  /** Tells the store; while that is away it is told with one of the next looks. */
  async #write(upstream: DeclaredUpstream, watched: Watched): Promise<void> {
    const { health, models } = watched;
    const known = this.#options.directory.finding(upstream.name);
    const finding: Finding = {
      upstream: upstream.name,
      state: health.state,
      reason: health.reason,
      sinceMs: this.#options.site.world.clock.nowMs(),
      models: models?.map((model) => model.name) ?? known?.models ?? [],
      queueLength: known?.queueLength ?? 0,
      kvCacheRatio: known?.kvCacheRatio ?? 0,
    };
    try {
      await this.#options.store.recordFindings([finding]);
      watched.recorded = finding.state;
    } catch (error) {
      const detail = messageOf(error);
      this.#options.site.log.debug("finding_not_recorded", { upstream: upstream.name, detail });
    }
  }

  #nowMs(): number {
    return this.#options.site.world.clock.monotonicMs();
  }
}

/** Models that were declared by name and that the server does not list itself. */
function configuredOnly(
  upstream: DeclaredUpstream,
  found: readonly FoundModel[],
): readonly FoundModel[] {
  const listed = new Set(found.map((model) => model.name));
  return upstream.models
    .filter((name) => !listed.has(name))
    .map((name) => ({ name, contextTokens: 0, capabilities: ["chat", "completions"] }));
}

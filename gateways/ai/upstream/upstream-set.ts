import { PeakEwma } from "@tandem/libs/resilience";
import type { CatalogueModel } from "../core/catalogue/catalogue.ts";
import { PrefixMemory } from "../core/prefix-affinity.ts";
import { StallGauge } from "../core/stall-gauge.ts";
import { type AttemptSums, LiveTarget, LiveUpstream, type UpstreamParts } from "./live-upstream.ts";
import type { UpstreamsSnapshot } from "./upstream-settings.ts";

interface TargetMemory {
  readonly load: PeakEwma;
  readonly memory: PrefixMemory;
  readonly stall: StallGauge;
}

/** All upstreams of the last snapshot. A newer one changes only what it changes. */
export class UpstreamSet {
  readonly #parts: UpstreamParts;
  #upstreams = new Map<string, LiveUpstream>();
  /** By model, until a snapshot or the catalogue changes. */
  readonly #targets = new WeakMap<CatalogueModel, readonly LiveTarget[]>();
  #generation = 0;
  readonly #generationOf = new WeakMap<CatalogueModel, number>();
  /** By upstream and model: what was learnt of a target outlives snapshots. */
  readonly #known = new Map<string, TargetMemory>();
  #version = 0n;
  #isLoaded: boolean = false;

  constructor(parts: UpstreamParts) {
    this.#parts = parts;
  }

  get version(): bigint {
    return this.#version;
  }

  get isLoaded(): boolean {
    return this.#isLoaded;
  }

  get all(): Iterable<LiveUpstream> {
    return this.#upstreams.values();
  }

  apply(snapshot: UpstreamsSnapshot): void {
    const next = new Map<string, LiveUpstream>();
    for (const settings of snapshot.upstreams) {
      if (!settings.isEnabled) continue;
      const existing = this.#upstreams.get(settings.name);
      if (existing?.update(settings)) {
        next.set(settings.name, existing);
        this.#upstreams.delete(settings.name);
      } else next.set(settings.name, new LiveUpstream(settings, this.#parts));
    }
    // Those that are gone or have moved: calls under way end, no new ones are made.
    for (const gone of this.#upstreams.values()) gone.close();
    this.#upstreams = next;
    this.#version = snapshot.version;
    this.#isLoaded = true;
    this.#generation += 1;
  }

  /** Targets of a model whose upstream is there. */
  targetsOf(model: CatalogueModel): readonly LiveTarget[] {
    const cached = this.#targets.get(model);
    if (cached !== undefined && this.#generationOf.get(model) === this.#generation) return cached;
    const targets: LiveTarget[] = [];
    for (const given of model.targets) {
      const upstream = this.#upstreams.get(given.upstream);
      if (upstream === undefined) continue;
      const name = JSON.stringify([given.upstream, given.model]);
      let known = this.#known.get(name);
      if (known === undefined) {
        known = { load: new PeakEwma(), memory: new PrefixMemory(), stall: new StallGauge() };
        this.#known.set(name, known);
      }
      targets.push(new LiveTarget(upstream, given, known));
    }
    const group = this.#parts.groupOf(targets.map(({ upstream }) => upstream));
    for (const target of targets) target.group = group;
    this.#targets.set(model, targets);
    this.#generationOf.set(model, this.#generation);
    return targets;
  }

  tick(): void {
    for (const upstream of this.#upstreams.values()) upstream.places.tick();
  }

  takeReports(): readonly AttemptSums[] {
    const reports: AttemptSums[] = [];
    for (const upstream of this.#upstreams.values()) {
      const report = upstream.takeReport();
      if (report !== undefined) reports.push(report);
    }
    return reports;
  }

  close(): void {
    for (const upstream of this.#upstreams.values()) upstream.close();
  }
}

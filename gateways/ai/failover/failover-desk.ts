import type { Log } from "@tandem/libs/telemetry";
import type { World } from "@tandem/libs/world";
import type { Decision, Side } from "../core/failover/failover-machine.ts";
import type { LiveUpstream } from "../upstream/live-upstream.ts";
import { FailoverGroup, type ProbeResult } from "./failover-group.ts";

export interface FailoverParts {
  readonly world: World;
  readonly log: Log;
  readonly probe: (upstream: LiveUpstream) => Promise<ProbeResult>;
  /** A group changed sides, or needs somebody to look. Told once per change. */
  readonly onIncident: (incident: FailoverIncident) => void;
}

export interface FailoverIncident {
  readonly group: string;
  readonly decision: Decision;
}

interface Member {
  readonly group: FailoverGroup;
  upstreams: Readonly<Record<Side, readonly LiveUpstream[]>>;
  isProbing: boolean;
  nextProbeMs: number;
  wasAlarming: boolean;
}

const probePeriodMs = 1_000;
/** A side that does not answer is asked again at once: two failures in a row decide. */
const doubtPeriodMs = 250;

/** False from when one of its upstreams was closed until the next request brings its successor. */
function isThere({ upstreams }: Member): boolean {
  return ![...upstreams.primary, ...upstreams.standby].some(({ isClosed }) => isClosed);
}

/** All groups of upstreams that have a standby. What has none is left to balancing alone. */
export class FailoverDesk {
  readonly #parts: FailoverParts;
  readonly #members = new Map<string, Member>();
  #pins: ReadonlyMap<string, Side> = new Map();

  constructor(parts: FailoverParts) {
    this.#parts = parts;
  }

  get groups(): readonly FailoverGroup[] {
    return [...this.#members.values()].filter(isThere).map(({ group }) => group);
  }

  /** The group of a model's upstreams; undefined where primary or standby is missing. */
  groupOf(all: readonly LiveUpstream[]): FailoverGroup | undefined {
    const standby = all.filter(({ settings }) => settings.isStandby);
    const primary = all.filter(({ settings }) => !settings.isStandby);
    if (standby.length === 0 || primary.length === 0) return undefined;
    const name = [...new Set(primary.map(({ settings }) => settings.name))].sort().join("+");
    const upstreams = { primary, standby };
    const known = this.#members.get(name);
    if (known !== undefined) {
      known.upstreams = upstreams;
      return known.group;
    }
    const group = new FailoverGroup(name);
    const member = { group, upstreams, isProbing: false, nextProbeMs: 0, wasAlarming: false };
    group.pin(this.#pins.get(name));
    this.#members.set(name, member);
    return group;
  }

  /** What operators want, by group; those that are not named decide by themselves. */
  pinAll(pins: ReadonlyMap<string, Side>): void {
    this.#pins = pins;
    for (const { group } of this.#members.values()) group.pin(pins.get(group.name));
  }

  /** Called four times a second. */
  tick(nowMs: number): void {
    for (const member of this.#members.values()) {
      if (!isThere(member)) continue;
      const decision = member.group.evaluate(nowMs);
      this.#tell(member, decision);
      if (!member.isProbing && nowMs >= member.nextProbeMs) void this.#probe(member);
    }
  }

  #tell(member: Member, decision: Decision): void {
    const isNewAlarm = decision.alarm && !member.wasAlarming;
    member.wasAlarming = decision.alarm;
    if (!decision.moved && !isNewAlarm) return;
    const { state, share, reasons } = decision;
    const group = member.group.name;
    this.#parts.log.warn("failover", { group, state, share, reasons: reasons.join("; ") });
    this.#parts.onIncident({ group, decision });
  }

  async #probe(member: Member): Promise<void> {
    member.isProbing = true;
    const { group, upstreams } = member;
    const ask = (side: Side): Promise<void> =>
      Promise.all(upstreams[side].map((upstream) => this.#parts.probe(upstream))).then((results) =>
        group.probed(side, results),
      );
    await Promise.all([ask("primary"), ask("standby")]);
    member.isProbing = false;
    const isDoubtful = group.isSilent("primary") || group.isSilent("standby");
    const pauseMs = isDoubtful ? doubtPeriodMs : probePeriodMs;
    member.nextProbeMs = this.#parts.world.clock.monotonicMs() + pauseMs;
  }
}

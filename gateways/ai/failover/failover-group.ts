import { type Decision, FailoverMachine, type Side } from "../core/failover/failover-machine.ts";
import { VitalsWindow } from "../core/failover/vitals-window.ts";

/** What a probe found out. Load is told by upstreams that can: 0 to 1, else undefined. */
export interface ProbeResult {
  readonly isAlive: boolean;
  readonly cpu: number | undefined;
  readonly memory: number | undefined;
}

const undecided: Decision = {
  state: "primary",
  share: 0,
  reasons: [],
  moved: false,
  alarm: false,
  forgets: false,
};

interface SideView {
  readonly window: VitalsWindow;
  probesFailed: number;
  cpu: number | undefined;
  memory: number | undefined;
}

/**
 * The primary upstreams that stand in for one another, their standby, and how much goes where.
 * Models with the same primaries share one group: what is learnt from one serves all.
 */
export class FailoverGroup {
  /** The primaries' names: `vllm-1+vllm-2`. */
  readonly name: string;
  readonly #machine = new FailoverMachine();
  readonly #sides: Readonly<Record<Side, SideView>> = { primary: newView(), standby: newView() };
  #decision = undecided;

  constructor(name: string) {
    this.name = name;
  }

  get decision(): Decision {
    return this.#decision;
  }

  succeeded(side: Side, nowMs: number, firstTokenMs: number): void {
    this.#sides[side].window.succeeded(nowMs, firstTokenMs);
  }

  failed(side: Side, nowMs: number): void {
    this.#sides[side].window.failed(nowMs);
  }

  /** What became of a round of probes: a side lives as long as one of its upstreams does. */
  probed(side: Side, results: readonly ProbeResult[]): void {
    const view = this.#sides[side];
    view.probesFailed = results.some(({ isAlive }) => isAlive) ? 0 : view.probesFailed + 1;
    view.cpu = least(results.map(({ cpu }) => cpu));
    view.memory = least(results.map(({ memory }) => memory));
  }

  isSilent(side: Side): boolean {
    return this.#sides[side].probesFailed > 0;
  }

  pin(side: Side | undefined): void {
    this.#machine.pin(side);
  }

  evaluate(nowMs: number): Decision {
    const vitalsOf = ({ window, cpu, memory, probesFailed }: SideView) => ({
      ...window.recent(nowMs),
      cpu,
      memory,
      probesFailed,
    });
    const { primary, standby } = this.#sides;
    this.#decision = this.#machine.evaluate({
      nowMs,
      primary: vitalsOf(primary),
      standby: vitalsOf(standby),
    });
    if (this.#decision.forgets) primary.window.forget();
    return this.#decision;
  }
}

function newView(): SideView {
  return { window: new VitalsWindow(), probesFailed: 0, cpu: undefined, memory: undefined };
}

/** Balancing sends requests to whoever has room, so the side is as busy as its idlest member. */
function least(shares: readonly (number | undefined)[]): number | undefined {
  const told = shares.filter((share): share is number => share !== undefined);
  return told.length === 0 ? undefined : Math.min(...told);
}

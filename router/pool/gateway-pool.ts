import {
  type Choice,
  chooseReplica,
  drawSide,
  RetryBudget,
  type Trial,
  trialOf,
} from "@tandem/libs/resilience";
import type { Log } from "@tandem/libs/telemetry";
import type { World } from "@tandem/libs/world";
import { GatewayReplica } from "./gateway-replica.ts";

export interface GatewayPoolOptions {
  readonly gateway: string;
  readonly addresses: readonly string[];
  readonly world: World;
  readonly log: Log;
  readonly probePeriodMs: number;
  readonly probeTimeoutMs: number;
}

/** Without a request for so long, a pool is quiet. */
const quietAfterMs = 10_000;

/** The replicas of one gateway, and the retries that may be spent on them. */
export class GatewayPool {
  readonly gateway: string;
  readonly budget = new RetryBudget();
  readonly #world: World;
  readonly #fraction: () => number;
  readonly #waiting = new Set<() => void>();
  readonly #open: (address: string) => GatewayReplica;
  #replicas: readonly GatewayReplica[] = [];
  /** Those on trial, and all others; undefined where nobody is, which is nearly always. */
  #trial: Trial<GatewayReplica> | undefined;
  #hasBeenRouted = false;
  #usedAtMs = Number.NEGATIVE_INFINITY;

  constructor(options: GatewayPoolOptions) {
    this.gateway = options.gateway;
    this.#world = options.world;
    this.#fraction = () => options.world.randomness.fraction();
    const onReady = (): void => this.#release();
    const onSilent = (replica: GatewayReplica, isLong: boolean): void =>
      this.#moveCalls(replica, isLong);
    const isQuiet = (): boolean => this.#isQuiet(options.world.clock.monotonicMs());
    const given = { ...options, isQuiet, onReady, onSilent };
    this.#open = (address) => new GatewayReplica({ ...given, address });
    this.setReplicas(options.addresses, () => 1);
  }

  get replicas(): readonly GatewayReplica[] {
    return this.#replicas;
  }

  /** Who is there from now on. Calls under way with those that go are finished. */
  setReplicas(addresses: readonly string[], weightOf: (name: string) => number): void {
    const before = new Map(this.#replicas.map((replica) => [replica.address, replica]));
    this.#replicas = addresses.map((address) => before.get(address) ?? this.#open(address));
    for (const replica of before.values()) {
      if (!this.#replicas.includes(replica)) replica.close();
    }
    this.#trial = trialOf(this.#replicas, ({ name }) => weightOf(name));
  }

  /**
   * Runs once, when a replica next says that it is ready. So requests wait for one that comes back
   * without knocking by themselves. Gives what ends the waiting.
   */
  whenReady(run: () => void): () => void {
    this.#waiting.add(run);
    return () => this.#waiting.delete(run);
  }

  /** A frozen replica breaks no connection; its calls would wait for as long as it is frozen. */
  #moveCalls(silent: GatewayReplica, isLong: boolean): void {
    const nowMs = this.#world.clock.monotonicMs();
    const hasOther = this.#replicas.some((each) => each !== silent && each.isRouted(nowMs));
    // Where all are silent it is this machine that is slow: moving would make it slower.
    if (!hasOther) return;
    for (const call of [...silent.movable]) call.moveAway(isLong);
  }

  #release(): void {
    if (this.#waiting.size === 0) return;
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const run of waiting) run();
  }

  /** Undefined only for a pool without replicas. */
  choose(
    tried: ReadonlySet<GatewayReplica> | undefined,
    nowMs: number,
  ): Choice<GatewayReplica> | undefined {
    const wasQuiet = this.#isQuiet(nowMs);
    this.#usedAtMs = nowMs;
    if (wasQuiet) for (const replica of this.#replicas) replica.hurryProbe();
    return chooseReplica(this.#candidates(tried, nowMs), {
      nowMs,
      fraction: this.#fraction,
      ...(tried === undefined ? {} : { tried }),
    });
  }

  #isQuiet(nowMs: number): boolean {
    return nowMs - this.#usedAtMs >= quietAfterMs;
  }

  /** A first attempt goes to those on trial for their share only; a repeated one where it can. */
  #candidates(
    tried: ReadonlySet<GatewayReplica> | undefined,
    nowMs: number,
  ): readonly GatewayReplica[] {
    const trial = this.#trial;
    if (trial === undefined || tried !== undefined) return this.#replicas;
    const drawn = drawSide(trial, this.#fraction());
    return drawn.some((replica) => replica.isRouted(nowMs)) ? drawn : this.#replicas;
  }

  /**
   * At least one replica gets requests. One that came back counts, although it has to pass a trial:
   * a router that called itself unready until then would be sent nothing to try it with.
   */
  isRouted(): boolean {
    const nowMs = this.#world.clock.monotonicMs();
    const isRouted = this.#replicas.some((replica) => replica.isReachable(nowMs));
    this.#hasBeenRouted ||= isRouted;
    return isRouted;
  }

  /** It was reachable once since this router started. */
  hasBeenRouted(): boolean {
    return this.#hasBeenRouted || this.isRouted();
  }

  close(): void {
    for (const replica of this.#replicas) replica.close();
  }
}

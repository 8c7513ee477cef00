import { type Choice, chooseReplica, RetryBudget } from "@tandem/libs/resilience";
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

/** The replicas of one gateway, and the retries that may be spent on them. */
export class GatewayPool {
  readonly gateway: string;
  readonly replicas: readonly GatewayReplica[];
  readonly budget = new RetryBudget();
  readonly #world: World;
  readonly #fraction: () => number;
  readonly #waiting = new Set<() => void>();
  #hasBeenRouted = false;

  constructor(options: GatewayPoolOptions) {
    this.gateway = options.gateway;
    this.#world = options.world;
    this.#fraction = () => options.world.randomness.fraction();
    const onReady = (): void => this.#release();
    const onSilent = (replica: GatewayReplica): void => this.#moveCalls(replica);
    this.replicas = options.addresses.map(
      (address) => new GatewayReplica({ ...options, address, onReady, onSilent }),
    );
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
  #moveCalls(silent: GatewayReplica): void {
    const nowMs = this.#world.clock.monotonicMs();
    const hasOther = this.replicas.some((each) => each !== silent && each.isRouted(nowMs));
    // Where all are silent it is this machine that is slow: moving would make it slower.
    if (!hasOther) return;
    for (const call of [...silent.unanswered]) call.moveAway();
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
    return chooseReplica(this.replicas, {
      nowMs,
      fraction: this.#fraction,
      ...(tried === undefined ? {} : { tried }),
    });
  }

  /** At least one replica gets requests. */
  isRouted(): boolean {
    const nowMs = this.#world.clock.monotonicMs();
    const isRouted = this.replicas.some((replica) => replica.isRouted(nowMs));
    this.#hasBeenRouted ||= isRouted;
    return isRouted;
  }

  /** It was reachable once since this router started. */
  hasBeenRouted(): boolean {
    return this.#hasBeenRouted || this.isRouted();
  }

  close(): void {
    for (const replica of this.replicas) replica.close();
  }
}

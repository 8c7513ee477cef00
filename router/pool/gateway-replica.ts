import { type ClientPool, createClientPool } from "@tandem/libs/http";
import { PeakEwma, ReplicaHealth, ReplicaTally } from "@tandem/libs/resilience";
import type { Log } from "@tandem/libs/telemetry";
import type { World } from "@tandem/libs/world";
import { type Probe, type ProbeResult, startProbe } from "./probe.ts";

export interface GatewayReplicaOptions {
  readonly gateway: string;
  readonly address: string;
  readonly world: World;
  readonly log: Log;
  readonly probePeriodMs: number;
  readonly probeTimeoutMs: number;
  /** Nobody sends this gateway anything at the moment. */
  isQuiet(): boolean;
  /** It answered a probe that it is ready. */
  onReady(): void;
  /**
   * It has not answered for about a second, though its socket may be open: frozen, or gone.
   * `isLong`: for about two.
   */
  onSilent(replica: GatewayReplica, isLong: boolean): void;
}

/** A call that can be taken to another replica. */
export interface WaitingCall {
  /** A stream under way moves only after a long silence: it costs its prompt once more. */
  moveAway(isLong: boolean): void;
}

/** Probes in a row without an answer, after which calls that still wait are moved. */
const silencesUntilMoved = 4;
/** And after which streams are, too. */
const silencesUntilStreamsMoved = 8;

/** Requests to one replica at once. Far above what one process can work on. */
const connectionsMax = 4_096;

/** One replica of a gateway: its connections, its load, its health, and the probe that watches it. */
export class GatewayReplica {
  readonly name: string;
  readonly address: string;
  readonly tally = new ReplicaTally();
  readonly connections: ClientPool;
  readonly load = new PeakEwma();
  readonly health = new ReplicaHealth();
  readonly #probe: Probe;
  /** Calls that can be moved: without a word of an answer yet, or streams that go on elsewhere. */
  readonly movable = new Set<WaitingCall>();
  #hasPassedProbe = false;
  #silences = 0;

  constructor(options: GatewayReplicaOptions) {
    const { address, world } = options;
    this.address = address;
    this.name = nameOf(options.gateway, address);
    this.connections = createClientPool({
      address,
      world,
      limits: { connections: connectionsMax, connectTimeoutMs: 1_000 },
    });
    this.#probe = startProbe({
      address,
      world,
      periodMs: options.probePeriodMs,
      timeoutMs: options.probeTimeoutMs,
      isQuiet: () => this.load.inFlight === 0 && options.isQuiet(),
      onResult: (result) => this.#probed(result, options),
    });
  }

  /** It has answered once that it is ready, and nothing speaks against it since. */
  isRouted(nowMs: number): boolean {
    return this.#hasPassedProbe && this.health.availability(nowMs) === "in";
  }

  /** Requests would be sent to it, if only one for a trial. */
  isReachable(nowMs: number): boolean {
    return this.#hasPassedProbe && this.health.availability(nowMs) !== "out";
  }

  /** Requests are coming, after a time without any. */
  hurryProbe(): void {
    this.#probe.hurry();
  }

  close(): void {
    this.#probe.stop();
    this.connections.close();
  }

  #probed(result: ProbeResult, { world, log, onReady, onSilent }: GatewayReplicaOptions): void {
    const nowMs = world.clock.monotonicMs();
    const before = this.health.availability(nowMs);
    if (result === "ready") {
      this.#hasPassedProbe = true;
      this.health.probePassed(nowMs);
    } else {
      this.health.probeFailed();
    }
    this.#silences = result === "silent" ? this.#silences + 1 : 0;
    const after = this.health.availability(nowMs);
    if (before !== after) log.info("replica_health_changed", { target: this.name, before, after });
    if (result === "ready") onReady();
    if (this.#silences === silencesUntilMoved) onSilent(this, false);
    if (this.#silences === silencesUntilStreamsMoved) onSilent(this, true);
  }
}

/** `unix:/run/tandem/ai-1.sock` → `ai-1`; for other addresses the gateway and the address. */
function nameOf(gateway: string, address: string): string {
  const file = /\/([^/]+)\.sock$/.exec(address)?.[1];
  return file ?? `${gateway}@${address.slice(address.indexOf(":") + 1)}`;
}

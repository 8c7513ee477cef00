import type { Socket } from "node:net";
import type { Log } from "../telemetry/index.ts";
import type { Timer, World } from "../world/index.ts";
import type { ExchangeHandler } from "./contract.ts";
import { type ServerLimits, sweepPeriodMs } from "./limits.ts";
import type { DescribeRefusal } from "./refusal.ts";
import { type ConnectionHost, type HandOver, ServerConnection } from "./server-connection.ts";

export interface ConnectionSetOptions {
  readonly world: World;
  readonly log: Log;
  readonly limits: ServerLimits;
  readonly onExchange: ExchangeHandler;
  readonly describe: DescribeRefusal;
  readonly handOver?: HandOver;
}

/** The connections that the strict reader serves, and the one timer that watches them all. */
export class ConnectionSet implements ConnectionHost {
  readonly limits: ServerLimits;
  readonly log: Log;
  readonly onExchange: ExchangeHandler;
  readonly describe: DescribeRefusal;
  readonly handOver: HandOver | undefined;
  readonly #world: World;
  readonly #open = new Set<ServerConnection>();
  #isDraining = false;
  #sweeper: Timer | undefined;

  constructor(options: ConnectionSetOptions) {
    this.limits = options.limits;
    this.log = options.log;
    this.onExchange = options.onExchange;
    this.describe = options.describe;
    this.handOver = options.handOver;
    this.#world = options.world;
  }

  get isDraining(): boolean {
    return this.#isDraining;
  }

  add(socket: Socket): void {
    this.#open.add(new ServerConnection(socket, this));
  }

  closed(connection: ServerConnection): void {
    this.#open.delete(connection);
  }

  /** Every answer from now on is the last of its connection, and says so; idle ones stay. */
  announceEnd(): void {
    this.#isDraining = true;
  }

  /** Idle connections close now, the others after the answer they are on. */
  drain(): void {
    this.#isDraining = true;
    for (const connection of this.#open) connection.drain();
  }

  startSweeping(): void {
    const { headTimeoutMs, bodyIdleTimeoutMs, bodyRateGraceMs, writeStallTimeoutMs } = this.limits;
    const periodMs = sweepPeriodMs([
      ...[headTimeoutMs, bodyIdleTimeoutMs, bodyRateGraceMs, writeStallTimeoutMs],
      this.limits.idleTimeoutMs,
    ]);
    let sweptAtMs = this.#world.clock.monotonicMs();
    this.#sweeper = this.#world.timers.every(periodMs, () => {
      const nowMs = this.#world.clock.monotonicMs();
      for (const connection of this.#open) connection.sweep(nowMs - sweptAtMs);
      sweptAtMs = nowMs;
    });
  }

  stopSweeping(): void {
    this.#sweeper?.cancel();
  }
}

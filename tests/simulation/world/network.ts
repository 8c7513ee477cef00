import type { SeededRandom } from "@tandem/libs/testing";
import type { SimulatedExchange } from "./exchange.ts";
import type { Fields } from "./fields.ts";
import type { Living } from "./living.ts";
import type { Scheduler } from "./scheduler.ts";

/** How messages travel between two machines, in one direction. */
export interface Link {
  /** Least delay, and what is added to it by chance; milliseconds. */
  delayMs: number;
  jitterMs: number;
  /** Nothing arrives before this moment of the scheduler's time; Infinity until it is healed. */
  blockedUntilMs: number;
}

export interface NetworkHabits {
  delayMs: number;
  jitterMs: number;
  /** Chance that an internal call is delivered twice more, later. */
  duplicates: number;
  /** Chance that the connection of an internal call breaks before it, or instead of its answer. */
  losses: number;
  /** Most a duplicate, or a late message, is delayed by. */
  lateMs: number;
}

/** What a broken middle does to what it passes on; for tests of the rules. */
export interface Tampering {
  chunk?(bytes: Buffer): Buffer;
  fields?(fields: Fields): Fields;
  /** Requests vanish, and nobody hears of it. */
  swallows?: boolean;
}

/** A server that was bound to an address. */
export interface BoundServer {
  readonly process: Living;
  readonly isListening: boolean;
  /** A request has arrived; called in the server's process. */
  take(exchange: SimulatedExchange): void;
}

/** One request and its answer, under way. */
export interface OpenConnection {
  readonly client: Living;
  readonly server: Living | undefined;
  /** One of its processes was killed. */
  died(process: Living): void;
  /** Both ends hear that it broke. */
  reset(): void;
}

/** All connections of the simulated world. */
export class SimulatedNetwork {
  /** By the client's machine. */
  readonly tampering = new Map<string, Tampering>();
  readonly habits: NetworkHabits = {
    ...{ delayMs: 0.05, jitterMs: 0.2, duplicates: 0, losses: 0, lateMs: 400 },
  };
  readonly scheduler: Scheduler;
  readonly random: SeededRandom;
  readonly #servers = new Map<string, BoundServer>();
  readonly #links = new Map<string, Link>();
  readonly connections = new Set<OpenConnection>();

  constructor(scheduler: Scheduler, random: SeededRandom) {
    this.scheduler = scheduler;
    this.random = random;
  }

  link(from: string, to: string): Link {
    const name = `${from}>${to}`;
    let link = this.#links.get(name);
    if (link === undefined) {
      const { delayMs, jitterMs } = this.habits;
      link = { delayMs, jitterMs, blockedUntilMs: 0 };
      this.#links.set(name, link);
    }
    return link;
  }

  serverAt(address: string): BoundServer | undefined {
    return this.#servers.get(address);
  }

  bind(address: string, server: BoundServer): void {
    const other = this.#servers.get(address);
    if (other !== undefined && other !== server && other.process.isAlive) {
      throw Object.assign(new Error(`${address} is taken`), { code: "EADDRINUSE" });
    }
    this.#servers.set(address, server);
  }

  unbind(address: string, server: BoundServer): void {
    if (this.#servers.get(address) === server) this.#servers.delete(address);
  }

  /** Breaks connections between two machines, as a firewall that forgot them does. */
  reset(between: (connection: OpenConnection) => boolean): void {
    for (const connection of [...this.connections]) if (between(connection)) connection.reset();
  }
}

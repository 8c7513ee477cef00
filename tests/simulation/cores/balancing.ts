import {
  chooseReplica,
  failureLatencyMs,
  PeakEwma,
  type ReplicaCandidate,
  ReplicaHealth,
  RetryBudget,
} from "@tandem/libs/resilience";
import type { SeededRandom } from "@tandem/libs/testing";
import { Scheduler } from "../world/scheduler.ts";
import type { CoreFamily } from "./core-family.ts";

/** A server with so many workers, which answers in order and refuses when its queue is full. */
export class SimulatedServer implements ReplicaCandidate {
  readonly load = new PeakEwma();
  readonly health = new ReplicaHealth();
  isDead: boolean = false;
  serviceMs: number;
  served = 0;
  received = 0;
  readonly #workers: number;
  readonly #queueMax: number;
  readonly #scheduler: Scheduler;
  readonly #waiting: (() => void)[] = [];
  #working = 0;

  constructor(
    scheduler: Scheduler,
    given: { readonly workers: number; readonly serviceMs: number; readonly queueMax: number },
  ) {
    this.#scheduler = scheduler;
    this.#workers = given.workers;
    this.#queueMax = given.queueMax;
    this.serviceMs = given.serviceMs;
  }

  /** `answer` hears: true for served, false for an error, undefined for refused. */
  ask(answer: (isServed: boolean | undefined) => void): void {
    this.received += 1;
    if (this.isDead) this.#scheduler.after(0.3, () => answer(undefined));
    else if (this.#working < this.#workers) this.#work(answer);
    else if (this.#waiting.length < this.#queueMax) this.#waiting.push(() => this.#work(answer));
    else this.#scheduler.after(1, () => answer(false));
  }

  #work(answer: (isServed: boolean | undefined) => void): void {
    this.#working += 1;
    this.#scheduler.after(this.serviceMs, () => {
      this.#working -= 1;
      this.served += 1;
      answer(this.isDead ? undefined : true);
      this.#waiting.shift()?.();
    });
  }
}

/** A caller as the router is one: P2C, health, and a retry budget. */
export class SimulatedCaller {
  readonly budget = new RetryBudget();
  attempts = 0;
  requests = 0;
  ok = 0;
  failed = 0;
  readonly latenciesMs: number[] = [];
  readonly #scheduler: Scheduler;
  readonly #random: SeededRandom;
  readonly #servers: readonly SimulatedServer[];
  readonly #attemptsMax: number;

  constructor(
    scheduler: Scheduler,
    given: {
      readonly random: SeededRandom;
      readonly servers: readonly SimulatedServer[];
      readonly attemptsMax?: number;
    },
  ) {
    this.#scheduler = scheduler;
    this.#random = given.random;
    this.#servers = given.servers;
    this.#attemptsMax = given.attemptsMax ?? 3;
  }

  request(): void {
    this.requests += 1;
    this.budget.requested();
    this.#attempt(this.#scheduler.nowMs, new Set());
  }

  #attempt(sinceMs: number, tried: Set<SimulatedServer>): void {
    const { nowMs } = this.#scheduler;
    const fraction = (): number => this.#random.fraction();
    const choice = chooseReplica(this.#servers, { nowMs, fraction, tried });
    const server = choice?.replica;
    if (server === undefined) {
      this.failed += 1;
      return;
    }
    this.attempts += 1;
    tried.add(server);
    server.load.started();
    server.health.callStarted();
    server.ask((isServed) => this.#heard(server, { isServed, sinceMs, askedMs: nowMs, tried }));
  }

  #heard(
    server: SimulatedServer,
    given: {
      readonly isServed: boolean | undefined;
      readonly sinceMs: number;
      readonly askedMs: number;
      readonly tried: Set<SimulatedServer>;
    },
  ): void {
    const { nowMs } = this.#scheduler;
    const { isServed, sinceMs, askedMs, tried } = given;
    server.load.ended();
    if (isServed === true) {
      server.load.observed(nowMs - askedMs, nowMs);
      server.health.callSucceeded(nowMs);
      this.ok += 1;
      this.latenciesMs.push(nowMs - sinceMs);
      return;
    }
    server.load.observed(failureLatencyMs, nowMs);
    if (isServed === undefined) server.health.callRefused(nowMs);
    else server.health.callAbandoned();
    const mayRetry = tried.size < this.#attemptsMax && tried.size < this.#servers.length;
    if (mayRetry && this.budget.tryRetry(nowMs)) this.#attempt(sinceMs, tried);
    else this.failed += 1;
  }
}

/** Replicas that die, slow down and come back, under a steady load far from their limit. */
export const balancingFamily: CoreFamily = {
  name: "balancing",
  about:
    "as long as one replica lives nothing fails, and a slow one gets little more than its share",
  async run(random) {
    const scheduler = new Scheduler();
    const count = 2 + random.integer(4);
    const given = { workers: 16, serviceMs: 5, queueMax: 64 };
    const servers = Array.from({ length: count }, () => new SimulatedServer(scheduler, given));
    const caller = new SimulatedCaller(scheduler, { random, servers, attemptsMax: count });
    for (let atMs = 0; atMs < 6_000; atMs += 5) scheduler.after(atMs, () => caller.request());
    // The first one stays; the others come and go.
    for (const server of servers.slice(1)) {
      const atMs = random.integer(4_000);
      scheduler.after(atMs, () => {
        server.isDead = true;
      });
      scheduler.after(atMs + random.integer(1_500), () => {
        server.isDead = false;
      });
    }
    const [, slow] = servers;
    if (slow !== undefined) slow.serviceMs = 60;
    await scheduler.runUntil(8_000);
    const problems: string[] = [];
    if (caller.failed > 0) problems.push(`${caller.failed} of ${caller.requests} failed`);
    if (caller.ok + caller.failed !== caller.requests) problems.push("requests were lost");
    const share = (slow?.received ?? 0) / caller.attempts;
    // While others are gone it has to do its part, and just afterwards they have to earn theirs.
    if (share > 1.5 / count) problems.push(`the slow one of ${count} got ${share.toFixed(3)}`);
    return problems;
  },
};

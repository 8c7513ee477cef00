import type { SeededRandom } from "@tandem/libs/testing";
import type { Port, Timer, World } from "@tandem/libs/world";
import type { SimulatedDisk } from "./disk.ts";
import type { Scheduler } from "./scheduler.ts";

/** Sunday, 22 November 2026, 00:00 UTC. */
const startMs = Date.UTC(2026, 10, 22);

/**
 * A machine of the simulated world: what outlives its processes. One process at a time runs on it;
 * its wall clock may be wrong and jump, its monotonic clock begins anywhere.
 */
export class Machine {
  readonly name: string;
  readonly disk: SimulatedDisk;
  readonly #monotonicOffsetMs: number;
  wallOffsetMs = 0;
  process: SimulatedProcess | undefined;
  /** Steps that its processes have made: what happens between two of them nobody can see. */
  steps = 0;
  /** Runs when so many steps were made. */
  atStep: { readonly step: number; readonly run: () => void } | undefined;

  constructor(
    name: string,
    given: {
      readonly disk: SimulatedDisk;
      readonly monotonicOffsetMs: number;
      readonly skewMs: number;
    },
  ) {
    this.name = name;
    this.disk = given.disk;
    this.#monotonicOffsetMs = given.monotonicOffsetMs;
    this.wallOffsetMs = given.skewMs;
  }

  wallMs(scheduler: Scheduler): number {
    return Math.floor(startMs + scheduler.nowMs + this.wallOffsetMs);
  }

  monotonicMs(scheduler: Scheduler): number {
    return scheduler.nowMs + this.#monotonicOffsetMs;
  }
}

/** One life of a process. Once it has ended nothing that it began goes on. */
export class SimulatedProcess {
  readonly machine: Machine;
  readonly name: string;
  readonly world: World;
  readonly #scheduler: Scheduler;
  #isAlive: boolean = true;
  #frozenUntilMs = 0;
  readonly #endings = new Set<() => void>();

  constructor(
    machine: Machine,
    given: {
      readonly name?: string;
      readonly scheduler: Scheduler;
      readonly random: SeededRandom;
      readonly ports: (process: SimulatedProcess) => ReadonlyMap<Port<unknown>, unknown>;
    },
  ) {
    const { scheduler, random } = given;
    this.machine = machine;
    this.name = given.name ?? machine.name;
    this.#scheduler = scheduler;
    this.world = {
      clock: {
        nowMs: () => machine.wallMs(scheduler),
        monotonicMs: () => machine.monotonicMs(scheduler),
      },
      randomness: { bytes: random.bytes, fraction: random.fraction },
      timers: {
        after: (delayMs, run) => this.after(delayMs, run),
        every: (periodMs, run) => this.#every(Math.max(1, periodMs), run),
      },
      environment: {},
      ports: given.ports(this),
    };
  }

  get isAlive(): boolean {
    return this.#isAlive;
  }

  /** Runs in this process, if it still lives then; when it is frozen, once it thaws. */
  after(delayMs: number, run: () => void): Timer {
    let current: Timer;
    const ring = (): void => {
      if (!this.#isAlive) return;
      const frozenMs = this.#frozenUntilMs - this.#scheduler.nowMs;
      if (frozenMs > 0) current = this.#scheduler.after(frozenMs, ring);
      else {
        this.#countStep();
        run();
      }
    };
    current = this.#scheduler.after(delayMs, ring);
    return { cancel: () => current.cancel() };
  }

  #countStep(): void {
    const { machine } = this;
    machine.steps += 1;
    // In a turn of its own: whatever this step sets going by promises belongs to it.
    if (machine.atStep?.step === machine.steps) this.#scheduler.after(0, machine.atStep.run);
  }

  #every(periodMs: number, run: () => void): Timer {
    let current: Timer;
    const again = (): void => {
      current = this.after(periodMs, again);
      run();
    };
    current = this.after(periodMs, again);
    return { cancel: () => current.cancel() };
  }

  /** Takes no processor time until then; its sockets stay open. */
  freeze(untilMs: number): void {
    this.#frozenUntilMs = Math.max(this.#frozenUntilMs, untilMs);
  }

  get isFrozen(): boolean {
    return this.#frozenUntilMs > this.#scheduler.nowMs;
  }

  /** Runs when the process has died, outside of it. */
  onEnd(run: () => void): void {
    this.#endings.add(run);
  }

  kill(): void {
    if (!this.#isAlive) return;
    this.#isAlive = false;
    if (this.machine.process === this) this.machine.process = undefined;
    for (const run of this.#endings) run();
    this.#endings.clear();
  }

  /** Resolves in this process after the delay; never, once it is dead. */
  pause(delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      this.after(delayMs, resolve);
    });
  }
}

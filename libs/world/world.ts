import { type IdPrefix, idFromBytes } from "../kernel/index.ts";

export interface Clock {
  /** Wall clock, milliseconds since 1970. May jump; for stamps and expiries only. */
  nowMs(): number;
  /** Milliseconds of a clock that never goes back; for every duration and deadline. */
  monotonicMs(): number;
}

export interface Randomness {
  /** Cryptographically strong bytes in production, seeded in the simulator. */
  bytes(length: number): Uint8Array;
  /** Uniform in [0, 1); cheap, not for secrets. */
  fraction(): number;
}

/** A timer that was set. `cancel` twice, or after it rang, does nothing. */
export interface Timer {
  cancel(): void;
}

export interface Timers {
  after(delayMs: number, run: () => void): Timer;
  /** Repeats with a fixed delay between the starts; never keeps a process alive by itself. */
  every(periodMs: number, run: () => void): Timer;
}

/**
 * A way to the outside that a world may supply in place of the machine's own: a network, a disk, a
 * store. The layer that owns the way defines the port and asks for it where it opens something, so
 * that everything above is the same code in production and in the simulator.
 */
export interface Port<Way> {
  readonly name: string;
  /** Never set; it ties the port to what it gives. */
  readonly gives?: Way;
}

export interface World {
  readonly clock: Clock;
  readonly randomness: Randomness;
  readonly timers: Timers;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Networks, disks and stores of its own; absent where the machine's are used. */
  readonly ports?: ReadonlyMap<Port<unknown>, unknown>;
}

/** A fresh id of this kind, from the world's clock and randomness. */
export function newId(world: World, prefix: IdPrefix): string {
  return idFromBytes(prefix, {
    timestampMs: world.clock.nowMs(),
    random: world.randomness.bytes(10),
  });
}

/** Resolves after `delayMs` of the world's time. */
export function sleep(world: World, delayMs: number): Promise<void> {
  return new Promise((resolve) => {
    world.timers.after(delayMs, resolve);
  });
}

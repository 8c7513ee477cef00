import { randomFillSync } from "node:crypto";
import { Metronome } from "./metronome.ts";
import type { Timer, World } from "./world.ts";

const poolBytes = 4096;
const pool = new Uint8Array(poolBytes);
let poolOffset = poolBytes;

/** Strong random bytes from a pool: one system call for some four hundred ids. */
function bytes(length: number): Uint8Array {
  if (length > poolBytes) return randomFillSync(new Uint8Array(length));
  if (poolOffset + length > poolBytes) {
    randomFillSync(pool);
    poolOffset = 0;
  }
  poolOffset += length;
  return pool.slice(poolOffset - length, poolOffset);
}

function after(delayMs: number, run: () => void): Timer {
  const handle = setTimeout(run, delayMs);
  return { cancel: () => clearTimeout(handle) };
}

/** One for the process: what its parts do by the clock, they do together. */
const metronome = new Metronome();

function every(periodMs: number, run: () => void): Timer {
  return metronome.every(periodMs, run) ?? everyByItself(periodMs, run);
}

function everyByItself(periodMs: number, run: () => void): Timer {
  const handle = setInterval(run, periodMs);
  handle.unref();
  return { cancel: () => clearInterval(handle) };
}

/** The machine's own time, randomness, timers and environment. */
export function realWorld(): World {
  return {
    clock: { nowMs: () => Date.now(), monotonicMs: () => performance.now() },
    randomness: { bytes, fraction: () => Math.random() },
    timers: { after, every },
    environment: process.env,
  };
}

/**
 * Slows an address down that tries credentials nobody knows: a bucket for each address that fills
 * with refusals and leaks one a second. Only unknown credentials are held up, so that one broken
 * program behind an address does not lock out the good keys of others there.
 */
import { restFaults } from "./rest/rest-faults.ts";

/** Refusals in a row without a pause: an office of people who mistype, not a guesser's pace. */
const burst = 60;
const leakMs = 1_000;
const addressesMax = 10_000;

export interface ProbeGuard {
  /** Call before an unknown credential is looked up. Throws `rest.too_many_attempts`. */
  check(address: string): void;
  /** It was refused. */
  note(address: string): void;
}

export function createProbeGuard(monotonicMs: () => number): ProbeGuard {
  // When each address's bucket will be empty.
  const emptyAtMs = new Map<string, number>();
  const levelMs = (address: string): number =>
    Math.max(0, (emptyAtMs.get(address) ?? 0) - monotonicMs());
  return {
    check(address) {
      const excessMs = levelMs(address) - (burst - 1) * leakMs;
      if (excessMs <= 0) return;
      throw restFaults.too_many_attempts({ retryAfterMs: excessMs });
    },
    note(address) {
      const level = Math.min(levelMs(address) + leakMs, 2 * burst * leakMs);
      emptyAtMs.delete(address);
      emptyAtMs.set(address, monotonicMs() + level);
      if (emptyAtMs.size <= addressesMax) return;
      for (const oldest of emptyAtMs.keys()) {
        emptyAtMs.delete(oldest);
        return;
      }
    },
  };
}

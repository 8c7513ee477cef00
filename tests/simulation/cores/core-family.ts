import type { SeededRandom } from "@tandem/libs/testing";

/** One core with a simulated partner instead of a network: thousands of seeds a second. */
export interface CoreFamily {
  readonly name: string;
  readonly about: string;
  /** One run; what contradicts the core's promises. */
  run(random: SeededRandom): Promise<readonly string[]> | readonly string[];
}

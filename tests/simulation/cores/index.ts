import { seededRandom } from "@tandem/libs/testing";
import { balancingFamily } from "./balancing.ts";
import type { CoreFamily } from "./core-family.ts";
import { failoverFamily } from "./failover.ts";
import { journalFamily } from "./journal.ts";
import { spliceFamily } from "./splice.ts";

export const coreFamilies: readonly CoreFamily[] = [
  journalFamily,
  spliceFamily,
  failoverFamily,
  balancingFamily,
];

export interface CoreFailure {
  readonly family: string;
  readonly seed: number;
  readonly problems: readonly string[];
}

/** Seeds of the cores in turn; those that failed. */
export async function runCores(from: number, seeds: number): Promise<readonly CoreFailure[]> {
  const failures: CoreFailure[] = [];
  for (let seed = from; seed < from + seeds; seed += 1) {
    const family = coreFamilies[seed % coreFamilies.length];
    if (family === undefined) continue;
    const problems = await family.run(seededRandom(`${family.name} ${seed}`));
    if (problems.length > 0) failures.push({ family: family.name, seed, problems });
  }
  return failures;
}

import type { Fault } from "./faults.ts";
import { runSeed, type SeedRun } from "./run-seed.ts";
import type { Scenario } from "./scenarios/scenario.ts";

/** Leaves out one fault after the other for as long as the run still breaks the same rule. */
export async function shrink(scenario: Scenario, failed: SeedRun): Promise<SeedRun> {
  const rule = failed.violations[0]?.rule;
  let smallest = failed;
  for (let at = 0; at < smallest.faults.length; ) {
    const fewer: readonly Fault[] = smallest.faults.toSpliced(at, 1);
    const run = await runSeed(scenario, failed.seed, { faults: fewer });
    if (run.violations.some((violation) => violation.rule === rule)) smallest = run;
    else at += 1;
  }
  return smallest;
}

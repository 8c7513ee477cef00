import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { runSeed, type SeedRun } from "./run-seed.ts";
import { families } from "./scenarios/families.ts";
import type { Scenario } from "./scenarios/scenario.ts";
import { shrink } from "./shrink.ts";

const corpusSchema = z.array(
  z.strictObject({ scenario: z.string(), seed: z.int().min(0), found: z.string().min(1) }),
);

/** Seeds that once failed, with what they found; they run first, for ever. */
export function readCorpus() {
  const text = readFileSync(join(import.meta.dirname, "corpus.json"), "utf8");
  return corpusSchema.parse(JSON.parse(text));
}

export interface CampaignOptions {
  readonly from: number;
  readonly seeds: number;
  /** Only this family; all in turn when absent. */
  readonly only?: string | undefined;
  readonly say: (line: string) => void;
}

export interface CampaignResult {
  readonly runs: number;
  readonly failures: readonly SeedRun[];
  /** Simulated time by time of this processor. */
  readonly speed: number;
  readonly simulatedMs: number;
  readonly processorMs: number;
  readonly requests: number;
}

/** Simulated time by time of one core that a campaign has to reach (G19). */
export const speedGoal = 300;

export function commitOf(): string {
  try {
    return execFileSync("git", ["rev-parse", "--short=10", "HEAD"], {
      cwd: import.meta.dirname,
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    }).trim();
  } catch {
    return "unknown";
  }
}

/** The family that a seed belongs to, where all take part. */
export function familyOf(seed: number): Scenario {
  const family = families[seed % families.length];
  if (family === undefined) throw new RangeError("there are no families");
  return family;
}

export function familyNamed(name: string): Scenario {
  const family = families.find((each) => each.name === name);
  if (family !== undefined) return family;
  const names = families.map((each) => each.name).join(", ");
  throw new RangeError(`there is no family "${name}"; there are ${names}`);
}

/** Runs the corpus, then the seeds; tells of each failure how to see it again. */
export async function runCampaign(options: CampaignOptions): Promise<CampaignResult> {
  const { from, seeds, only, say } = options;
  const planned = [
    ...readCorpus().map(({ scenario, seed }) => ({ family: familyNamed(scenario), seed })),
    ...Array.from({ length: seeds }, (_, index) => {
      const seed = from + index;
      return { family: only === undefined ? familyOf(seed) : familyNamed(only), seed };
    }),
  ];
  const failures: SeedRun[] = [];
  const before = process.cpuUsage();
  let simulatedMs = 0;
  let requests = 0;
  for (const [index, { family, seed }] of planned.entries()) {
    if (index > 0 && index % runsBetweenWords === 0) {
      say(`${index} runs, ${failures.length} failed`);
    }
    const run = await runSeed(family, seed);
    simulatedMs += run.simulatedMs;
    requests += run.history.requests.length;
    if (run.violations.length === 0) continue;
    failures.push(run);
    tell(await shrink(family, run), say);
  }
  const { user, system } = process.cpuUsage(before);
  const processorMs = (user + system) / 1_000;
  const speed = simulatedMs / processorMs;
  return { runs: planned.length, failures, speed, simulatedMs, processorMs, requests };
}

/** A long campaign says now and then that it lives. */
const runsBetweenWords = 500;
const problemsShown = 5;

function tell({ scenario, seed, faults, violations }: SeedRun, say: (line: string) => void): void {
  say(`FAILED ${scenario} seed ${seed} at ${commitOf()}`);
  for (const { rule, problems } of violations) {
    say(`  rule ${rule}`);
    for (const problem of problems.slice(0, problemsShown)) say(`    ${problem}`);
    if (problems.length > problemsShown) say(`    and ${problems.length - problemsShown} more`);
  }
  say(`  with ${faults.length === 0 ? "no fault at all" : "these faults:"}`);
  for (const { kind, target, atMs, forMs } of faults) {
    say(`    at ${atMs} ms: ${kind}, ${target}, for ${forMs} ms`);
  }
  say(`  again: npm run simulate -- --scenario ${scenario} --seed ${seed} --trace`);
}

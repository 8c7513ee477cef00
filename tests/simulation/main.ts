/**
 * `npm run simulate -- --seeds 2000 [--from N] [--scenario NAME]`: a campaign over seeds.
 * `npm run simulate -- --scenario NAME --seed N [--trace]`: one run again, event by event.
 */
import { parseArgs } from "node:util";
import { commitOf, familyNamed, familyOf, runCampaign, speedGoal } from "./campaign.ts";
import { runSeed } from "./run-seed.ts";

const { values } = parseArgs({
  options: {
    seeds: { type: "string", default: "2000" },
    from: { type: "string", default: "1" },
    scenario: { type: "string" },
    seed: { type: "string" },
    trace: { type: "boolean", default: false },
  },
});

function numberOf(name: string, text: string): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value >= 0) return value;
  throw new RangeError(`--${name} is a whole number from 0, not "${text}"`);
}

const say = (line: string): void => void process.stdout.write(`${line}\n`);

async function again(seed: number): Promise<boolean> {
  const family = values.scenario === undefined ? familyOf(seed) : familyNamed(values.scenario);
  const run = await runSeed(family, seed, values.trace ? { trace: say } : {});
  say(`${family.name} seed ${seed} at ${commitOf()}: digest ${run.digest}, ${run.events} events`);
  for (const { rule, problems } of run.violations) {
    for (const problem of problems) say(`rule ${rule}: ${problem}`);
  }
  return run.violations.length === 0;
}

async function campaign(): Promise<boolean> {
  const from = numberOf("from", values.from);
  const seeds = numberOf("seeds", values.seeds);
  say(`seeds ${from} to ${from + seeds - 1} at ${commitOf()}, the corpus first`);
  const result = await runCampaign({ from, seeds, only: values.scenario, say });
  const { runs, failures, simulatedMs, processorMs, speed, requests } = result;
  say(
    `${runs} runs, ${requests} requests, ${failures.length} failed; ` +
      `${Math.round(simulatedMs / 60_000)} simulated minutes in ${Math.round(processorMs / 1_000)} s ` +
      `of processor time: ${Math.round(speed)} x real time (goal ${speedGoal})`,
  );
  return failures.length === 0;
}

const isFine =
  values.seed === undefined ? await campaign() : await again(numberOf("seed", values.seed));
process.exitCode = isFine ? 0 : 1;

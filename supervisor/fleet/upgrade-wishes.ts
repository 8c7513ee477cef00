import { canaryRuleDefault } from "../core/canary.ts";
import { supervisorFaults } from "../faults.ts";
import type { CanaryPlan } from "./canary-watch.ts";
import type { UpgradeWishes } from "./rollout.ts";

const stepsDefault = "1,10,50";
const stepSecondsDefault = 10;
const stepSecondsMaxDefault = 60;

/**
 * `?to=FOLDER&steps=1,10,50&step_seconds=10&step_seconds_max=60&requests=200&wait=true`; steps are
 * percent of the requests, and `steps=none` does without a canary. Throws
 * `supervisor.wrong_usage` for what it cannot read.
 */
export function readUpgradeWishes(query: URLSearchParams, ownFolder: string): UpgradeWishes {
  const steps = query.get("steps") ?? stepsDefault;
  return {
    sourceFolder: query.get("to") ?? ownFolder,
    canary: steps === "none" ? undefined : readPlan(steps, query),
    waitsForDrain: query.get("wait") === "true",
  };
}

function readPlan(steps: string, query: URLSearchParams): CanaryPlan {
  const number = (name: string, fallback: number): number => {
    const value = Number(query.get(name) ?? fallback);
    if (Number.isFinite(value) && value >= 0) return value;
    throw wrong(`${name}=${query.get(name)} is no number from 0 on`);
  };
  const stepMinMs = number("step_seconds", stepSecondsDefault) * 1000;
  return {
    steps: steps.split(",").map((step) => {
      const percent = Number(step);
      if (percent > 0 && percent < 100) return percent / 100;
      throw wrong(`steps=${steps} is no list of percentages between 0 and 100`);
    }),
    rule: { ...canaryRuleDefault, requestsMin: number("requests", canaryRuleDefault.requestsMin) },
    stepMinMs,
    stepMaxMs: Math.max(stepMinMs, number("step_seconds_max", stepSecondsMaxDefault) * 1000),
  };
}

function wrong(publicMessage: string): Error {
  return supervisorFaults.wrong_usage({ publicMessage });
}

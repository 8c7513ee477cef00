import { parseReplicaName } from "@tandem/libs/service";
import { sleep, type World } from "@tandem/libs/world";
import { type CanaryRule, judgeCanary } from "../core/canary.ts";
import { activityOf, lookAtCallers, type Tallies, withNewcomers } from "./caller-tallies.ts";
import type { Fleet } from "./fleet.ts";
import type { ManagedProcess } from "./managed-process.ts";
import type { Tell } from "./tell.ts";

export interface CanaryPlan {
  /** Shares of requests, or of a service's calls, in this order, each in (0, 1). */
  readonly steps: readonly number[];
  readonly rule: CanaryRule;
  /** A step lasts so long at least, */
  readonly stepMinMs: number;
  /** and so long at most, where there are too few requests to judge by. */
  readonly stepMaxMs: number;
}

interface Parts {
  readonly fleet: Fleet;
  readonly world: World;
  readonly sockets: string;
  readonly tell: Tell;
  /** The new process: ready, and not called yet. */
  readonly process: ManagedProcess;
  /** Replicas that it is to replace, as their callers name them. */
  readonly control: readonly string[];
}

const lookPeriodMs = 250;

/** A trial over all its steps. */
interface Trial extends Parts {
  readonly ids: readonly string[];
  /** It was found slow once: it was cold, or will be found so again. */
  wasSlow: boolean;
}

/**
 * Gives the new process a small share of the requests, then larger ones, and compares it with those
 * that it is to replace: all of its replicas together. Resolves when it has stood the test; throws
 * an error that says why not.
 */
export async function watchCanary(parts: Parts, plan: CanaryPlan): Promise<void> {
  const { fleet, process, tell } = parts;
  const ids = process.spec.hosts.map((host) => parseReplicaName(host).id);
  const trial: Trial = { ...parts, ids, wasSlow: false };
  for (const share of plan.steps) {
    const weights = Object.fromEntries(ids.map((id) => [id, share]));
    fleet.roster.admit(process.spec, weights);
    const outcome = await watchStep(trial, plan);
    tell("canary", { process: process.spec.name, share, ...outcome });
  }
}

async function watchStep(
  trial: Trial,
  plan: CanaryPlan,
): Promise<{ readonly attempts: number; readonly verdict: string }> {
  const { fleet, world, sockets, process, control, ids } = trial;
  const { name } = process.spec;
  const startMs = world.clock.monotonicMs();
  let before: Tallies = await lookAtCallers(fleet, sockets);
  for (;;) {
    await sleep(world, lookPeriodMs);
    if (process.deaths > 0) throw new Error(`${name} died`);
    const after = await lookAtCallers(fleet, sockets);
    before = withNewcomers(before, after);
    const own = activityOf((id) => ids.includes(id), { before, after });
    const others = activityOf((id) => control.includes(id), { before, after });
    const verdict = judgeCanary(own, others, plan.rule);
    if (verdict.kind === "bad") throw new Error(`${name}: ${verdict.why}`);
    if (verdict.kind === "slow") {
      if (trial.wasSlow) throw new Error(`${name}: ${verdict.why}`);
      trial.wasSlow = true;
      before = after;
    }
    const passedMs = world.clock.monotonicMs() - startMs;
    const isJudged = verdict.kind === "good" && passedMs >= plan.stepMinMs;
    // Nothing speaks against it, and nobody is there to say more.
    if (isJudged || passedMs >= plan.stepMaxMs) {
      return { attempts: own.attempts, verdict: verdict.kind };
    }
  }
}

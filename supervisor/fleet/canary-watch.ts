import { parseReplicaName } from "@tandem/libs/service";
import { sleep, type World } from "@tandem/libs/world";
import { type CanaryRule, judgeCanary } from "../core/canary.ts";
import type { Fleet } from "./fleet.ts";
import type { ManagedProcess } from "./managed-process.ts";
import { activityOf, askRouters } from "./router-tallies.ts";
import type { Tell } from "./tell.ts";

export interface CanaryPlan {
  /** Shares of requests in this order, each in (0, 1). */
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
  /** Replicas that it is to replace, as the routers name them. */
  readonly control: readonly string[];
}

const lookPeriodMs = 250;

/**
 * Gives the new process a small share of the requests, then larger ones, and compares it with those
 * that it is to replace. Resolves when it has stood the test; throws an error that says why not.
 */
export async function watchCanary(parts: Parts, plan: CanaryPlan): Promise<void> {
  const { fleet, process, tell } = parts;
  const ids = process.spec.hosts.map((host) => parseReplicaName(host).id);
  for (const share of plan.steps) {
    const weights = Object.fromEntries(ids.map((id) => [id, share]));
    fleet.roster.admit(process.spec, weights);
    const outcome = await watchStep({ ...parts, ids }, plan);
    tell("canary", { process: process.spec.name, share, ...outcome });
  }
}

async function watchStep(
  parts: Parts & { readonly ids: readonly string[] },
  plan: CanaryPlan,
): Promise<{ readonly attempts: number; readonly verdict: string }> {
  const { fleet, world, sockets, process, control, ids } = parts;
  const startMs = world.clock.monotonicMs();
  const before = await askRouters(fleet.processes, sockets);
  for (;;) {
    await sleep(world, lookPeriodMs);
    if (process.deaths > 0) throw new Error(`${process.spec.name} died`);
    const looks = { before, after: await askRouters(fleet.processes, sockets) };
    const own = activityOf((id) => ids.includes(id), looks);
    const others = activityOf((id) => control.includes(id), looks);
    const verdict = judgeCanary(own, others, plan.rule);
    if (verdict.kind === "bad") throw new Error(`${process.spec.name}: ${verdict.why}`);
    const passedMs = world.clock.monotonicMs() - startMs;
    const isJudged = verdict.kind === "good" && passedMs >= plan.stepMinMs;
    // Nothing speaks against it, and nobody is there to say more.
    if (isJudged || passedMs >= plan.stepMaxMs) {
      return { attempts: own.attempts, verdict: verdict.kind };
    }
  }
}

import type { SeededRandom } from "@tandem/libs/testing";
import type { Decision, Side } from "../../../gateways/ai/core/failover/failover-machine.ts";
import { FailoverGroup } from "../../../gateways/ai/failover/failover-group.ts";
import type { CoreFamily } from "./core-family.ts";

const evaluationMs = 250;

/** How one side does at a moment. */
export interface SideState {
  readonly errors: number;
  readonly firstTokenMs: number;
  readonly isDead: boolean;
  readonly cpu?: number;
  readonly memory?: number;
}

export const wellSide: SideState = { errors: 0.002, firstTokenMs: 300, isDead: false };

export interface GroupRun {
  readonly untilMs: number;
  readonly requestsPerSecond: number;
  readonly sideAt: (side: Side, nowMs: number) => SideState;
  /** Draws whether a call fails; by chance when absent. */
  readonly fails?: (state: SideState, number: number) => boolean;
  readonly onDecision: (decision: Decision, nowMs: number) => void;
}

/** The production's group over calls that end as the sides' states have it. */
export function runGroup(random: SeededRandom, run: GroupRun): void {
  const group = new FailoverGroup("primary");
  const perStep = (run.requestsPerSecond * evaluationMs) / 1_000;
  let share = 0;
  let owed = 0;
  let number = 0;
  for (let nowMs = 0; nowMs < run.untilMs; nowMs += evaluationMs) {
    owed += perStep;
    while (owed >= 1) {
      owed -= 1;
      number += 1;
      const side: Side = random.fraction() < share ? "standby" : "primary";
      const state = run.sideAt(side, nowMs);
      const isBad = run.fails?.(state, number) ?? random.fraction() < state.errors;
      if (state.isDead || isBad) group.failed(side, nowMs);
      else group.succeeded(side, nowMs, state.firstTokenMs);
    }
    if (nowMs % 1_000 === 0) probeBoth(group, run, nowMs);
    const decision = group.evaluate(nowMs);
    share = decision.share;
    run.onDecision(decision, nowMs);
  }
}

function probeBoth(group: FailoverGroup, { sideAt }: GroupRun, nowMs: number): void {
  for (const side of ["primary", "standby"] as const) {
    const { isDead, cpu, memory } = sideAt(side, nowMs);
    group.probed(side, [{ isAlive: !isDead, cpu, memory }]);
  }
}

const windowMs = 600_000;

/** A primary that flaps, fails in part and comes back; never more than two moves in ten minutes. */
export const failoverFamily: CoreFamily = {
  name: "failover",
  about: "at most two moves in ten minutes, never all to a side that is dead while the other lives",
  run(random) {
    const problems: string[] = [];
    const periodMs = 2_000 + random.integer(60_000);
    const badFor = random.fraction();
    const errors = random.fraction();
    const isDead = random.fraction() < 0.5;
    const moves: number[] = [];
    let wrongSinceMs: number | undefined;
    runGroup(random, {
      untilMs: 240_000,
      requestsPerSecond: 10 + random.integer(60),
      sideAt: (side, nowMs) => {
        const isBad = side === "primary" && nowMs % periodMs < badFor * periodMs;
        return isBad ? { ...wellSide, errors, isDead } : wellSide;
      },
      onDecision: ({ moved, share }, nowMs) => {
        if (moved) moves.push(nowMs);
        const isPrimaryDead = isDead && nowMs % periodMs < badFor * periodMs;
        if (!isPrimaryDead || share > 0) wrongSinceMs = undefined;
        else wrongSinceMs ??= nowMs;
        if (wrongSinceMs !== undefined && nowMs - wrongSinceMs > 3_000) {
          problems.push(`at ${nowMs}: all goes to a primary that is dead for 3 s`);
          wrongSinceMs = nowMs;
        }
      },
    });
    for (const fromMs of moves) {
      const within = moves.filter((atMs) => atMs >= fromMs && atMs < fromMs + windowMs).length;
      if (within > 2) problems.push(`${within} moves in ten minutes from ${fromMs} ms on`);
    }
    return problems.slice(0, 3);
  },
};

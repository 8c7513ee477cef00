import { provesMoreThan } from "./evidence.ts";
import type { RecentCalls, Sums } from "./vitals-window.ts";

export type Side = "primary" | "standby";

/** How one side is doing, as far as this gateway can see by itself. */
export interface Vitals extends RecentCalls {
  /** Busy share of the processor, 0 to 1; absent where the upstream does not tell. */
  readonly cpu?: number | undefined;
  /** Used share of the memory it may use, 0 to 1. */
  readonly memory?: number | undefined;
  /** Probes that failed in a row; 0 when the last one passed, or none was made. */
  readonly probesFailed: number;
}

export interface Situation {
  /** Of a clock that never goes back, milliseconds. */
  readonly nowMs: number;
  readonly primary: Vitals;
  readonly standby: Vitals;
}

export interface Decision {
  /**
   * primary: all or most goes there, `share` is spilled · standby: all goes there · returning:
   * step by step back to the primary · pinned: an operator decided.
   */
  readonly state: "primary" | "standby" | "returning" | "pinned";
  /** Of the requests that may use the standby: 0 to 1. */
  readonly share: number;
  /** In words for people, the weightiest first. */
  readonly reasons: readonly string[];
  /** A change of sides was made in this very evaluation. */
  readonly moved: boolean;
  /** Somebody should look: moves are used up, or both sides are unwell. */
  readonly alarm: boolean;
  /** A return begins: what the primary did before must not be held against it any more. */
  readonly forgets: boolean;
}

export const failoverLimits = {
  errorShare: 0.05,
  firstTokenMs: 2_000,
  cpu: 0.8,
  memory: 0.85,
  memoryFull: 0.95,
  /** Decides at once; below it two of three evaluations must agree. */
  decisiveErrorShare: 0.5,
  requestsMin: 20,
  probesDead: 2,
  /** A side at this multiple of its limit keeps all its requests (Envoy's overprovisioning factor). */
  overprovisioning: 1.4,
  movesMax: 2,
  movesWindowMs: 600_000,
} as const;

const well = { errorShare: 0.01, firstTokenMs: 1_000, cpu: 0.65, memory: 0.75 };
const quietMs = 30_000;
const quietMsMax = 600_000;
/** Failed probes count for nothing while calls are answered. */
const silentMsMin = 500;
const stageMs = 10_000;
const returnStages = [0.05, 0.25, 0.5, 1];
/** A spill grows at once and shrinks by this much in an evaluation, of which there are four a second. */
const spillStep = 0.02;

/**
 * Decides how much goes to the standby. Pure: an evaluation is a function of what it was told
 * before and now. States: primary → standby (failing) → returning (well for half a minute, longer
 * after each relapse; then 5, 25, 50 and 100 per cent, ten seconds each) → primary, or back to
 * standby on a relapse. A move is a change of sides that was completed: at most two in ten minutes;
 * when they are used up, what fails is spilled according to its health instead.
 */
export class FailoverMachine {
  #state: "primary" | "standby" | "returning" = "primary";
  #pinned: Side | undefined;
  #spill = 0;
  /** The last three evaluations: was the primary found failing? */
  #votes: boolean[] = [];
  #wellSinceMs: number | undefined;
  #stageSinceMs = 0;
  #stage = 0;
  #relapses = 0;
  #returnedAtMs = Number.NEGATIVE_INFINITY;
  #movesMs: number[] = [];

  /** An operator's word; undefined leaves it to the machine again. */
  pin(side: Side | undefined): void {
    this.#pinned = side;
  }

  evaluate(situation: Situation): Decision {
    const { nowMs, primary, standby } = situation;
    this.#movesMs = this.#movesMs.filter((at) => nowMs - at < failoverLimits.movesWindowMs);
    const failing = failingSigns(primary);
    this.#votes = [...this.#votes.slice(-2), failing.signs.length > 0];
    if (this.#pinned !== undefined) {
      const share = this.#pinned === "standby" ? 1 : 0;
      return { ...still, state: "pinned", share, reasons: [`pinned to ${this.#pinned}`] };
    }
    const isFailing = failing.isDecisive || this.#votes.filter(Boolean).length >= 2;
    const isStandbyBad = failingSigns(standby).signs.length > 0;
    if (isFailing && isStandbyBad) return this.#split(situation, failing.signs);
    switch (this.#state) {
      case "primary":
        return this.#onPrimary(situation, isFailing ? failing.signs : []);
      case "standby":
        return this.#onStandby(situation);
      case "returning":
        return this.#onReturn(situation, isFailing ? failing.signs : []);
    }
  }

  #onPrimary(situation: Situation, failing: readonly string[]): Decision {
    const { nowMs } = situation;
    if (nowMs - this.#returnedAtMs > failoverLimits.movesWindowMs) this.#relapses = 0;
    if (failing.length === 0) return this.#spilling(strain(situation.primary), situation);
    if (this.#movesMs.length >= failoverLimits.movesMax) {
      // Another move would be flapping; requests are led around what fails all the same.
      const health = 1 - errorShareOf(situation.primary);
      const held = this.#spilling({ health, signs: failing }, situation);
      return { ...held, alarm: true, reasons: [...failing, "moves are used up for ten minutes"] };
    }
    if (this.#returnedAtMs !== Number.NEGATIVE_INFINITY) this.#relapses += 1;
    this.#goStandby(nowMs);
    this.#movesMs.push(nowMs);
    return { ...still, state: "standby", share: 1, reasons: failing, moved: true };
  }

  #goStandby(nowMs: number): void {
    this.#state = "standby";
    this.#wellSinceMs = undefined;
    this.#stageSinceMs = nowMs;
    this.#spill = 0;
  }

  #onStandby({ nowMs, primary }: Situation): Decision {
    if (!isWell(primary)) this.#wellSinceMs = undefined;
    else this.#wellSinceMs ??= nowMs;
    const waitMs = Math.min(quietMs * 2 ** this.#relapses, quietMsMax);
    const isQuiet = this.#wellSinceMs !== undefined && nowMs - this.#wellSinceMs >= waitMs;
    if (isQuiet && this.#movesMs.length < failoverLimits.movesMax) {
      this.#state = "returning";
      this.#stage = 0;
      this.#stageSinceMs = nowMs;
      this.#votes = [];
      return { ...this.#returning(), forgets: true };
    }
    const reason = isQuiet ? "moves are used up for ten minutes" : "the primary is not well yet";
    return { ...still, state: "standby", share: 1, reasons: [reason] };
  }

  #onReturn({ nowMs }: Situation, failing: readonly string[]): Decision {
    if (failing.length > 0) {
      this.#relapses += 1;
      this.#goStandby(nowMs);
      return { ...still, state: "standby", share: 1, reasons: failing };
    }
    if (nowMs - this.#stageSinceMs < stageMs) return this.#returning();
    this.#stage += 1;
    this.#stageSinceMs = nowMs;
    if (this.#stage < returnStages.length) return this.#returning();
    this.#state = "primary";
    this.#returnedAtMs = nowMs;
    this.#movesMs.push(nowMs);
    const reasons = ["the primary is well again"];
    return { ...still, state: "primary", share: 0, reasons, moved: true };
  }

  #returning(): Decision {
    const back = returnStages[this.#stage] ?? 1;
    const reasons = [`the primary is well again: ${back * 100} % go there`];
    return { ...still, state: "returning", share: 1 - back, reasons };
  }

  #spilling({ health, signs }: Strain, { standby }: Situation): Decision {
    const kept = Math.min(1, failoverLimits.overprovisioning * health);
    // A standby that is under strain itself takes less of it.
    const wanted = (1 - kept) * Math.min(1, strain(standby).health);
    this.#spill = wanted >= this.#spill ? wanted : Math.max(wanted, this.#spill - spillStep);
    return { ...still, state: "primary", share: this.#spill, reasons: signs };
  }

  /** Nobody is well: each gets what it can still answer, never nobody anything. */
  #split({ primary, standby }: Situation, signs: readonly string[]): Decision {
    const good = { primary: 1 - errorShareOf(primary), standby: 1 - errorShareOf(standby) };
    const total = good.primary + good.standby;
    const share = total === 0 ? 0.5 : good.standby / total;
    const reasons = [...signs, "the standby is unwell too"];
    return { ...still, state: this.#state, share, reasons, alarm: true };
  }
}

const still = { moved: false, alarm: false, forgets: false } as const;

interface Failing {
  readonly signs: readonly string[];
  readonly isDecisive: boolean;
}

function failingSigns(vitals: Vitals): Failing {
  const { fast, slow, memory, probesFailed, silentMs } = vitals;
  const { errorShare, decisiveErrorShare, requestsMin, probesDead, memoryFull } = failoverLimits;
  const signs: string[] = [];
  const isDead = probesFailed >= probesDead && silentMs >= silentMsMin;
  if (isDead) signs.push(`${probesFailed} probes in a row failed`);
  const isMostlyBad =
    fast.requests >= requestsMin && fast.errors >= fast.requests * decisiveErrorShare;
  const isProven = provesMoreThan(errorShare, fast) || provesMoreThan(errorShare, slow);
  if (isMostlyBad || isProven) signs.push(errorWords(isProven ? worse(fast, slow) : fast));
  if (memory !== undefined && memory >= memoryFull) signs.push(`memory is ${percent(memory)} full`);
  return { signs, isDecisive: isDead || isMostlyBad };
}

interface Strain {
  /** 1: within all limits; less: overloaded by that much. */
  readonly health: number;
  readonly signs: readonly string[];
}

function strain({ fast, firstTokenMsP95, cpu, memory }: Vitals): Strain {
  const signs: string[] = [];
  let health = 1;
  const note = (value: number, words: string): void => {
    if (value >= 1) return;
    health = Math.min(health, value);
    signs.push(words);
  };
  const { firstTokenMs, cpu: cpuMax, memory: memoryMax, requestsMin } = failoverLimits;
  if (fast.requests >= requestsMin && firstTokenMsP95 > firstTokenMs) {
    const seconds = (firstTokenMsP95 / 1_000).toFixed(1);
    note(firstTokenMs / firstTokenMsP95, `the first token takes ${seconds} s (p95)`);
  }
  // What is left above the limit, as a share of what there was at it.
  if (cpu !== undefined) note((1 - cpu) / (1 - cpuMax), `the processor is ${percent(cpu)} busy`);
  if (memory !== undefined) {
    note((1 - memory) / (1 - memoryMax), `memory is ${percent(memory)} full`);
  }
  return { health: Math.max(health, 0), signs };
}

function isWell(vitals: Vitals): boolean {
  const { fast, firstTokenMsP95, cpu = 0, memory = 0, probesFailed } = vitals;
  return (
    probesFailed === 0 &&
    fast.errors <= fast.requests * well.errorShare &&
    firstTokenMsP95 <= well.firstTokenMs &&
    cpu < well.cpu &&
    memory < well.memory
  );
}

function errorShareOf({ fast, probesFailed }: Vitals): number {
  if (fast.requests > 0) return fast.errors / fast.requests;
  return probesFailed >= failoverLimits.probesDead ? 1 : 0;
}

function worse(fast: Sums, slow: Sums): Sums {
  const shareOf = ({ errors, requests }: Sums): number => errors / Math.max(requests, 1);
  return shareOf(fast) >= shareOf(slow) ? fast : slow;
}

function errorWords({ errors, requests }: Sums): string {
  return `${errors} of ${requests} calls failed`;
}

function percent(share: number): string {
  return `${Math.round(share * 100)} %`;
}

/** Parameters for pools of up to eight, in milliseconds unless said otherwise. */
export interface HealthParameters {
  /** A refused or reset socket: out this long at once, doubling each time it happens again. */
  readonly refusedOutMs: number;
  readonly refusedOutMsMax: number;
  /** So many failed calls in a row, */
  readonly failuresInRow: number;
  /** or this share of at least `failureSampleMin` calls within `failureWindowMs`, */
  readonly failureRatio: number;
  readonly failureSampleMin: number;
  readonly failureWindowMs: number;
  /** put it out for this, times how often it happened lately, give or take half. */
  readonly ejectionMs: number;
  readonly ejectionMsMax: number;
  /** Probes in a row that put it out, and back in. */
  readonly probeFall: number;
  readonly probeRise: number;
  /** After its return its share grows from `slowStartFloor` to whole over this time. */
  readonly slowStartMs: number;
  readonly slowStartFloor: number;
}

export const healthDefault: HealthParameters = {
  refusedOutMs: 200,
  refusedOutMsMax: 5_000,
  failuresInRow: 3,
  failureRatio: 0.5,
  failureSampleMin: 10,
  failureWindowMs: 2_000,
  ejectionMs: 1_000,
  ejectionMsMax: 30_000,
  probeFall: 2,
  probeRise: 2,
  slowStartMs: 5_000,
  slowStartFloor: 0.1,
};

/** What may be sent to a replica: everything, one call at a time, or nothing. */
export type Availability = "in" | "trial" | "out";

/** A good run of this many milliseconds forgives past ejections. */
const forgivenAfterMs = 60_000;

/**
 * One replica as its callers see it. States: in → out (refused, failing, or failing its probes) →
 * trial (its time is over and its probes pass: one real call at a time) → in, with a share that
 * grows; a failed trial leads back out. Time comes from the caller, as milliseconds of a clock that
 * never goes back.
 */
export class ReplicaHealth {
  readonly #parameters: HealthParameters;
  #isIn = true;
  #outUntilMs = 0;
  #returnedAtMs = Number.NEGATIVE_INFINITY;
  #trialsUnderWay = 0;
  #refusals = 0;
  #ejections = 0;
  #failuresInRow = 0;
  #window = { startMs: 0, calls: 0, failures: 0 };
  #probesFailedInRow = 0;
  #probesPassedInRow = 0;
  #isProbedOut = false;

  constructor(parameters: HealthParameters = healthDefault) {
    this.#parameters = parameters;
  }

  availability(nowMs: number): Availability {
    if (this.#isIn) return "in";
    if (this.#isProbedOut || nowMs < this.#outUntilMs) return "out";
    return this.#trialsUnderWay === 0 ? "trial" : "out";
  }

  /** Its share of a full one, from the slow start's floor to 1. */
  weight(nowMs: number): number {
    const { slowStartMs, slowStartFloor } = this.#parameters;
    const share = (nowMs - this.#returnedAtMs) / slowStartMs;
    return Math.min(1, Math.max(slowStartFloor, share));
  }

  /** A call goes to it. Every one ends with exactly one of the four methods that follow. */
  callStarted(): void {
    if (!this.#isIn) this.#trialsUnderWay += 1;
  }

  callSucceeded(nowMs: number): void {
    this.#trialsUnderWay = Math.max(0, this.#trialsUnderWay - 1);
    this.#count(nowMs, false);
    this.#failuresInRow = 0;
    // An answer to a call from before the fall says nothing about now.
    if (!this.#isIn && !this.#isProbedOut && nowMs >= this.#outUntilMs) this.#return(nowMs);
    if (nowMs - this.#returnedAtMs > forgivenAfterMs) this.#ejections = 0;
  }

  /** The call was answered by an error of the replica's, or its answer broke off. */
  callFailed(nowMs: number, fraction: number): void {
    this.#trialsUnderWay = Math.max(0, this.#trialsUnderWay - 1);
    this.#count(nowMs, true);
    this.#failuresInRow += 1;
    const { failuresInRow, failureRatio, failureSampleMin } = this.#parameters;
    const { calls, failures } = this.#window;
    const isFailing = calls >= failureSampleMin && failures >= failureRatio * calls;
    if (!this.#isIn || this.#failuresInRow >= failuresInRow || isFailing) {
      this.#eject(nowMs, fraction);
    }
  }

  /** The socket was refused or reset: nobody is there at the moment. */
  callRefused(nowMs: number): void {
    this.#trialsUnderWay = Math.max(0, this.#trialsUnderWay - 1);
    // Many calls fail together when a replica dies; that is one refusal, not many.
    if (!this.#isIn && nowMs < this.#outUntilMs) return;
    const { refusedOutMs, refusedOutMsMax } = this.#parameters;
    this.#fall(nowMs + Math.min(refusedOutMsMax, refusedOutMs * 2 ** this.#refusals));
    this.#refusals += 1;
  }

  /** The call ended without telling anything about the replica: the client left. */
  callAbandoned(): void {
    this.#trialsUnderWay = Math.max(0, this.#trialsUnderWay - 1);
  }

  probePassed(nowMs: number): void {
    this.#probesFailedInRow = 0;
    this.#probesPassedInRow += 1;
    if (this.#probesPassedInRow < this.#parameters.probeRise) return;
    this.#isProbedOut = false;
    // It answers again: no need to wait out a pause that was set when nobody was there.
    if (!this.#isIn && this.#ejections === 0) this.#outUntilMs = Math.min(this.#outUntilMs, nowMs);
  }

  probeFailed(): void {
    this.#probesPassedInRow = 0;
    this.#probesFailedInRow += 1;
    if (this.#probesFailedInRow < this.#parameters.probeFall) return;
    this.#isProbedOut = true;
    this.#isIn = false;
  }

  #count(nowMs: number, isFailure: boolean): void {
    if (nowMs - this.#window.startMs > this.#parameters.failureWindowMs) {
      this.#window = { startMs: nowMs, calls: 0, failures: 0 };
    }
    this.#window.calls += 1;
    if (isFailure) this.#window.failures += 1;
  }

  #eject(nowMs: number, fraction: number): void {
    if (!this.#isIn && nowMs < this.#outUntilMs) return;
    this.#ejections += 1;
    const { ejectionMs, ejectionMsMax } = this.#parameters;
    this.#fall(nowMs + Math.min(ejectionMsMax, ejectionMs * this.#ejections) * (0.5 + fraction));
  }

  #fall(untilMs: number): void {
    this.#isIn = false;
    this.#outUntilMs = untilMs;
    this.#failuresInRow = 0;
    this.#window = { startMs: untilMs, calls: 0, failures: 0 };
  }

  #return(nowMs: number): void {
    this.#isIn = true;
    this.#refusals = 0;
    this.#returnedAtMs = nowMs;
  }
}

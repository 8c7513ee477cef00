/** What one side did lately, from the calls that ended. Time comes from the caller. */
export interface Sums {
  readonly requests: number;
  readonly errors: number;
}

export interface RecentCalls {
  /** Of the last five seconds. */
  readonly fast: Sums;
  /** Of the last five minutes: where little is asked, proof takes time. */
  readonly slow: Sums;
  /** Time to the first token of the last five seconds, milliseconds; 0 without a call. */
  readonly firstTokenMsP95: number;
  /** Since a call was answered; Infinity when none was. */
  readonly silentMs: number;
}

const fastBuckets = 10;
const fastBucketMs = 500;
const slowBuckets = 30;
const slowBucketMs = 10_000;

/**
 * Times are counted in steps of a fifth: sixty reach from a millisecond beyond a minute. A step
 * begins at two seconds exactly, so that what is judged by that limit is seen on its side of it.
 */
const steps = 64;
const stepLog = Math.log(1.2);
const limitMs = 2_000;
const stepsToLimit = Math.floor(Math.log(limitMs) / stepLog);
/** The lower end of the first step, as a logarithm. */
const firstLog = Math.log(limitMs) - stepsToLimit * stepLog;

interface Bucket {
  startMs: number;
  requests: number;
  errors: number;
}

/** A ring of buckets; an old one is emptied when its place is needed, or passed over. */
class Ring<Content extends Bucket> {
  readonly #buckets: Content[];
  readonly #bucketMs: number;
  readonly #clear: (bucket: Content) => void;

  constructor(
    buckets: Content[],
    given: { readonly bucketMs: number; readonly clear: (bucket: Content) => void },
  ) {
    this.#buckets = buckets;
    this.#bucketMs = given.bucketMs;
    this.#clear = given.clear;
  }

  at(nowMs: number): Content | undefined {
    const number = Math.floor(nowMs / this.#bucketMs);
    const bucket = this.#buckets[number % this.#buckets.length];
    const startMs = number * this.#bucketMs;
    if (bucket === undefined || bucket.startMs === startMs) return bucket;
    bucket.startMs = startMs;
    bucket.requests = 0;
    bucket.errors = 0;
    this.#clear(bucket);
    return bucket;
  }

  forget(): void {
    for (const bucket of this.#buckets) bucket.startMs = Number.NEGATIVE_INFINITY;
  }

  *recent(nowMs: number): Generator<Content> {
    const fromMs = nowMs - this.#bucketMs * this.#buckets.length;
    for (const bucket of this.#buckets) {
      if (bucket.startMs > fromMs && bucket.startMs <= nowMs) yield bucket;
    }
  }
}

interface TimedBucket extends Bucket {
  readonly times: Uint32Array;
}

function emptyBucket(): Bucket {
  return { startMs: Number.NEGATIVE_INFINITY, requests: 0, errors: 0 };
}

export class VitalsWindow {
  readonly #fast = new Ring<TimedBucket>(
    Array.from({ length: fastBuckets }, () => ({
      ...emptyBucket(),
      times: new Uint32Array(steps),
    })),
    { bucketMs: fastBucketMs, clear: ({ times }) => times.fill(0) },
  );
  readonly #slow = new Ring<Bucket>(Array.from({ length: slowBuckets }, emptyBucket), {
    bucketMs: slowBucketMs,
    clear: () => undefined,
  });

  succeeded(nowMs: number, firstTokenMs: number): void {
    this.#count(nowMs, 0);
    this.#succeededAtMs = nowMs;
    // A limit that is not passed counts as kept: rounding must not push it across.
    const step = Math.ceil((Math.log(Math.max(firstTokenMs, 1)) - firstLog) / stepLog - 1e-9) - 1;
    const bucket = this.#fast.at(nowMs);
    if (bucket === undefined) return;
    const index = Math.max(0, Math.min(step, steps - 1));
    bucket.times[index] = (bucket.times[index] ?? 0) + 1;
  }

  failed(nowMs: number): void {
    this.#count(nowMs, 1);
  }

  #count(nowMs: number, errors: number): void {
    for (const bucket of [this.#fast.at(nowMs), this.#slow.at(nowMs)]) {
      if (bucket === undefined) continue;
      bucket.requests += 1;
      bucket.errors += errors;
    }
  }

  #succeededAtMs = Number.NEGATIVE_INFINITY;

  /** As if nothing had been asked yet. */
  forget(): void {
    this.#fast.forget();
    this.#slow.forget();
  }

  recent(nowMs: number): RecentCalls {
    const times = new Uint32Array(steps);
    for (const bucket of this.#fast.recent(nowMs)) {
      for (let step = 0; step < steps; step += 1) {
        times[step] = (times[step] ?? 0) + (bucket.times[step] ?? 0);
      }
    }
    return {
      fast: sumOf(this.#fast.recent(nowMs)),
      slow: sumOf(this.#slow.recent(nowMs)),
      firstTokenMsP95: percentile95(times),
      silentMs: nowMs - this.#succeededAtMs,
    };
  }
}

function sumOf(buckets: Iterable<Bucket>): Sums {
  let requests = 0;
  let errors = 0;
  for (const bucket of buckets) {
    requests += bucket.requests;
    errors += bucket.errors;
  }
  return { requests, errors };
}

/** The middle of the step that holds it; at most a tenth off. */
function percentile95(times: Uint32Array): number {
  let total = 0;
  for (const count of times) total += count;
  if (total === 0) return 0;
  let rest = Math.ceil(total * 0.95);
  for (const [step, count] of times.entries()) {
    rest -= count;
    if (rest <= 0) return Math.exp(firstLog + (step + 0.5) * stepLog);
  }
  return 0;
}

import { type Connection, openConnection, type RequestSource } from "./connection.ts";
import type { Job, JobResult } from "./job.ts";
import { createTally, type Tally } from "./tally.ts";

type UnaryJob = Extract<Job, { kind: "unary" }>;

/** A timer's own lateness up to this is the generator's, not that of the thing measured. */
const timerSlackMs = 2;

/**
 * Whole answers. Without a rate each connection asks again as soon as it is answered; with one,
 * requests are due at fixed times, whether or not earlier ones are answered, and a request that
 * had to wait for a free connection is counted from when it was due (no coordinated omission).
 */
export async function unaryLoad(job: UnaryJob, requests: RequestSource): Promise<JobResult> {
  const tally = createTally(job.pids);
  const load = job.ratePerSecond === undefined ? closedLoop : openLoop;
  const stop = load(job, requests, tally);
  const result = await tally.window(job);
  stop();
  return result;
}

interface Asker {
  /** Sends a request whose latency counts from `dueMs`. */
  ask(dueMs: number): void;
  close(): void;
}

/** A connection that is replaced when it breaks. `onFree` after each answer and each new start. */
function asker(job: UnaryJob, requests: RequestSource, tally: Tally, onFree: () => void): Asker {
  let sinceMs = 0;
  let isGood = false;
  let isBusy = false;
  let isLast = false;
  let connection: Connection;
  const open = (): void => {
    isLast = false;
    connection = openConnection(job.target, requests, {
      onHead: (status, closes) => {
        isGood = status === 200;
        isLast = closes;
        if (!isGood) tally.problem(`status ${status}`);
      },
      onBody: () => undefined,
      onEnd: () => {
        isBusy = false;
        if (isGood) {
          tally.unit(1);
          tally.latency(performance.now() - sinceMs);
        }
        if (isLast) {
          connection.close();
          open();
        }
        onFree();
      },
      onBroken: (problem) => {
        if (isBusy) tally.problem(problem);
        // A pause, so that a dead target does not turn the generator into a busy loop.
        setTimeout(() => {
          open();
          if (isBusy) {
            isBusy = false;
            onFree();
          }
        }, 50);
      },
    });
  };
  open();
  return {
    ask(dueMs) {
      isBusy = true;
      sinceMs = dueMs;
      connection.ask();
    },
    close: () => connection.close(),
  };
}

function closedLoop(job: UnaryJob, requests: RequestSource, tally: Tally): () => void {
  let isStopped = false;
  const askers = Array.from({ length: job.connections }, () => {
    const one: Asker = asker(job, requests, tally, () => {
      if (!isStopped) one.ask(performance.now());
    });
    one.ask(performance.now());
    return one;
  });
  return () => {
    isStopped = true;
    for (const one of askers) one.close();
  };
}

function openLoop(job: UnaryJob, requests: RequestSource, tally: Tally): () => void {
  const free: Asker[] = [];
  const waiting: number[] = [];
  const askers = Array.from({ length: job.connections }, () => {
    const one: Asker = asker(job, requests, tally, () => {
      const dueMs = waiting.shift();
      if (dueMs === undefined) free.push(one);
      else one.ask(dueMs);
    });
    free.push(one);
    return one;
  });
  const startMs = performance.now();
  const gapMs = 1_000 / (job.ratePerSecond ?? 1);
  let sent = 0;
  const timer = setInterval(() => {
    const nowMs = performance.now();
    for (let dueMs = startMs + sent * gapMs; dueMs <= nowMs; dueMs = startMs + sent * gapMs) {
      sent += 1;
      const countedMs = nowMs - dueMs <= timerSlackMs ? nowMs : dueMs;
      const one = free.pop();
      if (one) one.ask(countedMs);
      else waiting.push(countedMs);
    }
  }, 1);
  return () => {
    clearInterval(timer);
    waiting.length = 0;
    for (const one of askers) one.close();
  };
}

import type { JobResult } from "./job.ts";
import { cpuTimeUs, privateMemoryKib } from "./process-meter.ts";

/** Counts what happens inside the measured window of one job, and nothing outside it. */
export interface Tally {
  unit(count: number): void;
  latency(ms: number): void;
  problem(what: string): void;
  /** Waits for the warm-up, then for the window, and gives what was counted in it. */
  window(times: { readonly warmupMs: number; readonly windowMs: number }): Promise<JobResult>;
}

export function createTally(pids: readonly number[]): Tally {
  const memoryBeforeKib = privateMemoryKib(pids);
  let isOpen = false;
  let units = 0;
  let failed = 0;
  const problems = new Set<string>();
  const latenciesMs: number[] = [];
  return {
    unit(count) {
      if (isOpen) units += count;
    },
    latency(ms) {
      if (isOpen) latenciesMs.push(ms);
    },
    problem(what) {
      failed += 1;
      if (problems.size < 5) problems.add(what);
    },
    async window({ warmupMs, windowMs }) {
      await pause(warmupMs);
      const startMs = performance.now();
      const startUs = cpuTimeUs(pids);
      isOpen = true;
      await pause(windowMs);
      isOpen = false;
      const cpuUs = cpuTimeUs(pids) - startUs;
      const sorted = latenciesMs.sort((a, b) => a - b);
      return {
        ...{ units, failed, problems: [...problems] },
        windowMs: performance.now() - startMs,
        cpuUs,
        memoryBeforeKib,
        memoryDuringKib: privateMemoryKib(pids),
        latencyMsP50: sorted[Math.floor(sorted.length * 0.5)] ?? 0,
        latencyMsP99: sorted[Math.floor(sorted.length * 0.99)] ?? 0,
      };
    },
  };
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}

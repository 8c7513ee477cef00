import type { Metrics } from "@tandem/libs/telemetry";
import type { World } from "@tandem/libs/world";
import { followMemory } from "./memory-share.ts";

/** What a process knows of its own body. */
export interface ProcessSample {
  readonly residentBytes: number;
  /** CPU time since the process started, user and system. */
  readonly cpuMs: number;
  /** How late the sampling timer rang: how long the event loop was kept busy. */
  readonly loopLagMs: number;
  /** Of the memory that the process may have, in use: heap or container, in [0, 1]. */
  readonly memoryShare: number;
}

/**
 * Samples the process at a fixed period, keeps its gauges up to date and hands each sample on. One
 * timer does for metrics, heartbeats and the measure of the event loop, which is its own lateness.
 */
export function sampleProcess(
  parts: { readonly world: World; readonly metrics: Metrics },
  { periodMs, onSample }: { periodMs: number; onSample: (sample: ProcessSample) => void },
): void {
  const { world, metrics } = parts;
  const resident = metrics.gauge({
    name: "tandem_process_resident_memory_bytes",
    help: "Memory of the process that is in RAM.",
  });
  const cpu = metrics.counter({
    name: "tandem_process_cpu_seconds_total",
    help: "CPU time of the process, user and system.",
  });
  const lag = metrics.gauge({
    name: "tandem_process_event_loop_lag_seconds",
    help: "How late the last sampling timer rang.",
  });
  const memory = metrics.gauge({
    name: "tandem_process_memory_used_ratio",
    help: "Of the heap after a collection, or of the container where that is fuller: 0 to 1.",
  });
  const memoryShareOf = followMemory();
  let expectedMs = world.clock.monotonicMs() + periodMs;
  let cpuSeenMs = 0;
  let residentBytes = 0;
  world.timers.every(periodMs, () => {
    const nowMs = world.clock.monotonicMs();
    const { user, system } = process.cpuUsage();
    residentBytes = residentOr(residentBytes);
    const sample = {
      residentBytes,
      cpuMs: Math.round((user + system) / 1000),
      loopLagMs: Math.max(0, Math.round(nowMs - expectedMs)),
      memoryShare: memoryShareOf(residentBytes),
    };
    expectedMs = nowMs + periodMs;
    resident.set(residentBytes);
    memory.set(sample.memoryShare);
    cpu.add((sample.cpuMs - cpuSeenMs) / 1000);
    lag.set(sample.loopLagMs / 1000);
    cpuSeenMs = sample.cpuMs;
    onSample(sample);
  });
}

/** Reading it takes a descriptor: a process that has none left must not die of being measured. */
function residentOr(lastBytes: number): number {
  try {
    return process.memoryUsage.rss();
  } catch {
    return lastBytes;
  }
}

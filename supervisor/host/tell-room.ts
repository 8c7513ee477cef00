import { statfs } from "node:fs/promises";
import { totalmem } from "node:os";
import { getHeapStatistics } from "node:v8";
import type { Metrics } from "@tandem/libs/telemetry";
import type { World } from "@tandem/libs/world";

/** For what is read from the system, in several files. */
const lookPeriodMs = 5_000;

/**
 * Tells how much room is left to a process: in its own heap, in the memory of its container (of the
 * machine, where there is no container), and on the disk that its journals are on.
 */
export function tellRoom(world: World, metrics: Metrics, dataDirectory: string): void {
  const gauge = (name: string, help: string) => metrics.gauge({ name, help, isTold: true });
  gauge("tandem_process_heap_used_ratio", "Of the heap that the process may have: 0 to 1.").follow(
    () => {
      const { used_heap_size: used, heap_size_limit: limit } = getHeapStatistics();
      return inHundredths(used / limit);
    },
  );
  const memory = gauge(
    "tandem_machine_memory_used_ratio",
    "Of the memory of the container, or of the machine where there is none: 0 to 1.",
  );
  const free = gauge(
    "tandem_disk_free_ratio",
    "Of the disk that journals and snapshots are on, what is left: 0 to 1.",
  );
  const look = (): void => {
    memory.set(inHundredths(Math.max(0, 1 - process.availableMemory() / memoryLimit())));
    statfs(dataDirectory).then(
      ({ bavail, blocks }) => free.set(blocks === 0 ? 1 : inHundredths(bavail / blocks)),
      // A disk that cannot be asked is no reason to say that it is full.
      () => undefined,
    );
  };
  free.set(1);
  look();
  world.timers.every(lookPeriodMs, look);
}

/** Figures that stay the same are not told again (`report-samples.ts`). */
function inHundredths(share: number): number {
  return Math.floor(share * 100) / 100;
}

/** What is no limit is told as 0, or as more than there is. */
function memoryLimit(): number {
  const limit = process.constrainedMemory();
  return limit > 0 && limit < totalmem() ? limit : totalmem();
}

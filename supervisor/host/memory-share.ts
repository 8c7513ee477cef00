import { totalmem } from "node:os";
import { constants, type NodeGCPerformanceDetail, PerformanceObserver } from "node:perf_hooks";
import { getHeapSpaceStatistics, getHeapStatistics } from "node:v8";

/** The heap as V8 tells it. */
export interface Heap {
  /** Of what may live long: in use, garbage included, in [0, 1]. */
  share(): number;
  /** Calls back after every collection of the whole heap, until the returned function is called. */
  onCollected(run: () => void): () => void;
}

/** Below it nobody asks what is garbage, so nothing is observed. */
const watchedFromShare = 0.5;

/**
 * The share of the heap that the last collection of all of it left in use, for as long as the heap
 * looks well filled: processes in the path of requests let garbage pile up to four fifths of their
 * limit before V8 looks at it (fleet/launch.ts), and garbage is no reason to replace anybody.
 */
export function followHeap(heap: Heap): () => number {
  let leftShare: number | undefined;
  let stop: (() => void) | undefined;
  return () => {
    const share = heap.share();
    if (share < watchedFromShare) {
      stop?.();
      stop = undefined;
      leftShare = undefined;
      return share;
    }
    stop ??= heap.onCollected(() => {
      leftShare = heap.share();
    });
    return Math.min(share, leftShare ?? watchedFromShare);
  };
}

/** The greater of what is used of the heap and, where there is a container, of its memory. */
export function followMemory(): (residentBytes: number) => number {
  const heapShare = followHeap(ownHeap());
  return (residentBytes) => Math.max(heapShare(), residentBytes / containerBytes());
}

/**
 * `heap_size_limit` counts the young generation too, which is no room for what lives long: a
 * process with 256 MiB dies at 84 percent of it. So the limit is the one that it was started with.
 */
function ownHeap(): Heap {
  const flag = "--max-old-space-size=";
  const given = process.execArgv.findLast((word) => word.startsWith(flag))?.slice(flag.length);
  const givenBytes = given === undefined ? undefined : Number(given) * 1024 * 1024;
  return {
    share() {
      const usedBytes = getHeapSpaceStatistics()
        .filter(({ space_name: name }) => !name.startsWith("new_"))
        .reduce((sum, { space_used_size: bytes }) => sum + bytes, 0);
      return usedBytes / (givenBytes ?? getHeapStatistics().heap_size_limit);
    },
    onCollected(run) {
      const observer = new PerformanceObserver((list) => {
        if (list.getEntries().some(isOfAll)) run();
      });
      observer.observe({ entryTypes: ["gc"] });
      return () => observer.disconnect();
    },
  };
}

function isOfAll(entry: { readonly name: string }): boolean {
  const { detail } = entry as { readonly detail?: NodeGCPerformanceDetail };
  return detail?.kind === constants.NODE_PERFORMANCE_GC_MAJOR;
}

/** Without end where no container limits it: the machine's memory is everybody's. */
function containerBytes(): number {
  const bytes = process.constrainedMemory();
  return bytes > 0 && bytes < totalmem() ? bytes : Number.POSITIVE_INFINITY;
}

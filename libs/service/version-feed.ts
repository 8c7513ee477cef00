import type { Timers } from "../world/index.ts";

/**
 * The waiting half of a long poll (`Watch…` operations): callers say which version they have and
 * wait until there is a newer one, until their patience ends, or until the replica drains.
 */
export interface VersionFeed {
  readonly version: bigint;
  /** Wakes every waiter when `version` is newer than the one known; older ones change nothing. */
  advance(version: bigint): void;
  /** Resolves with the newest version: at once when it is newer than `after`. */
  wait(after: bigint, options: WaitOptions): Promise<bigint>;
  /** Answers everybody who waits, now and from now on. Called when draining starts. */
  release(): void;
}

export interface WaitOptions {
  /** Milliseconds; capped at 30,000 so that a caller that vanished is not waited for. */
  readonly waitMs: number;
  /** Registers what to run when the caller leaves. */
  readonly onAbandon: (run: () => void) => void;
}

const waitMsMax = 30_000;

export function createVersionFeed(timers: Timers, first = 0n): VersionFeed {
  let version = first;
  let isReleased = false;
  const waiters = new Set<() => void>();
  const wakeAll = (): void => {
    for (const wake of [...waiters]) wake();
  };
  return {
    get version() {
      return version;
    },
    advance(newer) {
      if (newer <= version) return;
      version = newer;
      wakeAll();
    },
    wait(after, { waitMs, onAbandon }) {
      if (version > after || isReleased || waitMs <= 0) return Promise.resolve(version);
      return new Promise((resolve) => {
        const wake = (): void => {
          timer.cancel();
          waiters.delete(wake);
          resolve(version);
        };
        const timer = timers.after(Math.min(waitMs, waitMsMax), wake);
        waiters.add(wake);
        onAbandon(wake);
      });
    },
    release() {
      isReleased = true;
      wakeAll();
    },
  };
}

/**
 * When keys were last used, gathered in memory and written every few seconds in one statement. A
 * kill loses a few seconds of it, which only moves a date on a page.
 */
import type { Lifecycle } from "@tandem/libs/service";
import type { Database } from "@tandem/libs/store";
import { recordUses } from "./store/keys.ts";
import type { Schema } from "./store/schema.ts";

const flushPeriodMs = 5_000;
const pendingMax = 50_000;

export interface UseLog {
  /** Milliseconds since 1970. */
  note(keyId: string, usedAtMs: number): void;
  flush(): Promise<void>;
}

export function startUseLog(database: Database<Schema>, lifecycle: Lifecycle): UseLog {
  let pending = new Map<string, number>();
  const log: UseLog = {
    note(keyId, usedAtMs) {
      const known = pending.get(keyId);
      if (known === undefined && pending.size >= pendingMax) return;
      if (known === undefined || known < usedAtMs) pending.set(keyId, usedAtMs);
    },
    async flush() {
      if (pending.size === 0) return;
      const batch = pending;
      pending = new Map();
      try {
        await recordUses(database, batch);
      } catch {
        for (const [keyId, usedAtMs] of batch) log.note(keyId, usedAtMs);
      }
    },
  };
  const flushing = database.world.timers.every(flushPeriodMs, () => void log.flush());
  lifecycle.defer("use log", () => {
    flushing.cancel();
    return log.flush();
  });
  return log;
}

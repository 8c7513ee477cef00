/**
 * The last good answers to reads, kept for when the service behind is away (RFC 5861,
 * `stale-if-error`). What goes in was allowed to the same organisation, or the same caller, through
 * the same route; permissions are checked anew before it comes out. Bounded in bytes and in age.
 */
import type { StoredAnswer } from "./idempotency.ts";

interface Entry {
  readonly answer: StoredAnswer;
  readonly storedMs: number;
  readonly bytes: number;
}

export interface StaleAnswers {
  keep(name: string, answer: StoredAnswer): void;
  /** The answer and its age in whole seconds; undefined when there is none young enough. */
  find(name: string): { readonly answer: StoredAnswer; readonly ageSeconds: number } | undefined;
  /** Forgets everything whose name begins so: an organisation whose data changed hands. */
  forget(prefix: string): void;
}

export function createStaleAnswers(options: {
  readonly bytesMax: number;
  readonly ageMsMax: number;
  readonly monotonicMs: () => number;
}): StaleAnswers {
  // In order of storing: the first entry is the oldest.
  const entries = new Map<string, Entry>();
  let bytes = 0;
  const remove = (name: string): void => {
    bytes -= entries.get(name)?.bytes ?? 0;
    entries.delete(name);
  };
  return {
    keep(name, answer) {
      remove(name);
      const entry: Entry = {
        answer,
        storedMs: options.monotonicMs(),
        bytes: (name.length + answer.body.length) * 2 + 256,
      };
      if (entry.bytes > options.bytesMax / 8) return;
      entries.set(name, entry);
      bytes += entry.bytes;
      for (const oldest of entries.keys()) {
        if (bytes <= options.bytesMax) break;
        remove(oldest);
      }
    },
    find(name) {
      const entry = entries.get(name);
      if (entry === undefined) return undefined;
      const ageMs = options.monotonicMs() - entry.storedMs;
      if (ageMs > options.ageMsMax) {
        remove(name);
        return undefined;
      }
      return { answer: entry.answer, ageSeconds: Math.floor(ageMs / 1000) };
    },
    forget(prefix) {
      for (const name of entries.keys()) if (name.startsWith(prefix)) remove(name);
    },
  };
}

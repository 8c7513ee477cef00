/** Rules about what is running out: disk, memory, the life of a certificate. */
import type { AlertRule } from "./alert-rule.ts";
import type { AlertView, Condition } from "./alert-view.ts";
import { figuresOf } from "./figures-of.ts";

const second = 1_000;
const daySeconds = 86_400;

/** Each opens at one figure and closes at a better one, so that it does not flap about the limit. */
const diskFree = { open: 0.1, close: 0.15 };
const memoryUsed = { open: 0.85, close: 0.8 };
const certificateDays = { open: 14, close: 15 };

export const diskLow: AlertRule = {
  id: "disk-low",
  severity: "critical",
  summary: "The disk of journals and snapshots is nearly full.",
  openAfterMs: 5 * second,
  closeAfterMs: 15 * second,
  find: (view) => {
    const worst = Math.min(
      1,
      ...figuresOf(view, "tandem_disk_free_ratio").map(({ value }) => value),
    );
    const limit = view.isOpen("disk-low", "data directory") ? diskFree.close : diskFree.open;
    if (worst >= limit) return [];
    return [{ subject: "data directory", reason: `${percent(worst)} of the disk are free` }];
  },
};

export const memoryHigh: AlertRule = {
  id: "memory-high",
  severity: "warning",
  summary: "A process, or the machine, is about to run out of memory.",
  openAfterMs: 10 * second,
  closeAfterMs: 30 * second,
  find: (view) => {
    const used = new Map<string, number>();
    const note = (subject: string, share: number): void => {
      used.set(subject, Math.max(share, used.get(subject) ?? 0));
    };
    for (const { source, value } of figuresOf(view, "tandem_process_heap_used_ratio")) {
      note(source, value);
    }
    for (const { value } of figuresOf(view, "tandem_machine_memory_used_ratio")) {
      note("machine", value);
    }
    return [...used].flatMap(([subject, share]): Condition[] => {
      const limit = view.isOpen("memory-high", subject) ? memoryUsed.close : memoryUsed.open;
      const what = subject === "machine" ? "the memory" : "its heap";
      return share < limit ? [] : [{ subject, reason: `${percent(share)} of ${what} are used` }];
    });
  },
};

export const certificateEnding: AlertRule = {
  id: "certificate-ending",
  severity: "warning",
  summary: "The certificate of the public door ends soon.",
  openAfterMs: 0,
  closeAfterMs: 15 * second,
  find: (view: AlertView) => {
    const ends = figuresOf(view, "tandem_certificate_end_timestamp_seconds");
    if (ends.length === 0) return [];
    const seconds = Math.min(...ends.map(({ value }) => value)) - view.nowMs / 1_000;
    const isOpen = view.isOpen("certificate-ending", "public door");
    const { open, close } = certificateDays;
    if (seconds >= (isOpen ? close : open) * daySeconds) return [];
    const days = Math.floor(seconds / daySeconds);
    const reason = days < 0 ? "it has ended" : `it ends in ${days} days`;
    return [{ subject: "public door", reason }];
  },
};

function percent(share: number): string {
  return `${Math.round(share * 1_000) / 10} %`;
}

import type { Condition } from "./alert-view.ts";

/** Something that was wrong: from when it opened until it was not seen for long enough. */
export interface Incident {
  readonly id: string;
  readonly alert: string;
  readonly subject: string;
  readonly severity: string;
  readonly reason: string;
  readonly openedAtMs: number;
  readonly lastSeenAtMs: number;
  /** Undefined while it lasts. */
  readonly closedAtMs: number | undefined;
  readonly closeReason: string;
}

/** The part of a rule that time belongs to. */
export interface HoldRule {
  readonly id: string;
  readonly severity: string;
  readonly openAfterMs: number;
  readonly closeAfterMs: number;
}

export interface Seen {
  readonly rule: HoldRule;
  readonly conditions: readonly Condition[];
}

interface Entry {
  readonly rule: HoldRule;
  readonly subject: string;
  reason: string;
  firstSeenMs: number;
  lastSeenMs: number;
  incident: Incident | undefined;
}

/** A glance that misses what was there before and after does not begin the wait anew. */
const blinkMs = 3_000;

/**
 * Which alerts are open. States of one alert about one subject: unseen → pending (seen, not long
 * enough) → open (told as an incident) → closed, once it has not been seen for its rule's time.
 * Pure: time comes with every look, and ids from whoever makes it.
 */
export class AlertBook {
  readonly #entries = new Map<string, Entry>();
  readonly #newId: () => string;

  /** `known` are incidents that were open when the last life of this replica ended. */
  constructor(newId: () => string, known: readonly (readonly [HoldRule, Incident])[], nowMs = 0) {
    this.#newId = newId;
    for (const [rule, incident] of known) {
      const { subject, reason, openedAtMs } = incident;
      this.#entries.set(keyOf(rule.id, subject), {
        ...{ rule, subject, reason, incident },
        firstSeenMs: openedAtMs,
        lastSeenMs: nowMs,
      });
    }
  }

  get open(): readonly Incident[] {
    return [...this.#entries.values()].flatMap(({ incident }) => incident ?? []);
  }

  isOpen(alert: string, subject: string): boolean {
    return this.#entries.get(keyOf(alert, subject))?.incident !== undefined;
  }

  /** One look at everything. Gives what has opened and what has closed by it. */
  look(
    all: readonly Seen[],
    nowMs: number,
  ): { readonly opened: readonly Incident[]; readonly closed: readonly Incident[] } {
    const opened: Incident[] = [];
    for (const { rule, conditions } of all) {
      for (const condition of conditions) {
        const incident = this.#see(rule, condition, nowMs);
        if (incident !== undefined) opened.push(incident);
      }
    }
    return { opened, closed: this.#closeUnseen(nowMs) };
  }

  /** The incident when this is what opened it. */
  #see(rule: HoldRule, { subject, reason }: Condition, nowMs: number): Incident | undefined {
    const key = keyOf(rule.id, subject);
    const entry: Entry = this.#entries.get(key) ?? {
      ...{ rule, subject, reason, firstSeenMs: nowMs, lastSeenMs: nowMs },
      incident: undefined,
    };
    this.#entries.set(key, entry);
    entry.lastSeenMs = nowMs;
    entry.reason = reason;
    if (entry.incident !== undefined) {
      entry.incident = { ...entry.incident, reason, lastSeenAtMs: nowMs };
      return undefined;
    }
    if (nowMs - entry.firstSeenMs < rule.openAfterMs) return undefined;
    entry.incident = {
      id: this.#newId(),
      alert: rule.id,
      ...{ subject, reason, severity: rule.severity },
      openedAtMs: entry.firstSeenMs,
      lastSeenAtMs: nowMs,
      closedAtMs: undefined,
      closeReason: "",
    };
    return entry.incident;
  }

  #closeUnseen(nowMs: number): readonly Incident[] {
    const closed: Incident[] = [];
    for (const [key, { rule, lastSeenMs, incident }] of this.#entries) {
      const unseenMs = nowMs - lastSeenMs;
      if (incident === undefined && unseenMs > blinkMs) this.#entries.delete(key);
      if (incident === undefined || unseenMs < rule.closeAfterMs) continue;
      this.#entries.delete(key);
      const closeReason = `not seen for ${Math.round(unseenMs / 1_000)} s`;
      closed.push({ ...incident, closedAtMs: nowMs, closeReason });
    }
    return closed;
  }
}

function keyOf(alert: string, subject: string): string {
  return `${alert} ${subject}`;
}

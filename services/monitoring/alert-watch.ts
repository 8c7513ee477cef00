import type { Lifecycle, Site } from "@tandem/libs/service";
import { newId } from "@tandem/libs/world";
import { createAlertFile } from "./alert-file.ts";
import type { Webhook } from "./alert-webhook.ts";
import { AlertBook, type Incident, type Seen } from "./core/alerts/alert-book.ts";
import { alertRules } from "./core/alerts/alert-rules.ts";
import type { AlertView } from "./core/alerts/alert-view.ts";
import type { IncidentLog } from "./store/incident-log.ts";

/** The alerts of one replica of monitoring, and the log that it shares with the others. */
export interface AlertWatch {
  /** What is open as this replica sees it, or as another has told the log. */
  open(): readonly Incident[];
  /** What this replica has seen since it started, for when the log is away. Newest first. */
  recent(): readonly Incident[];
}

const lookPeriodMs = 1_000;
/** How often the log hears that something still lasts. */
const assertPeriodMs = 5_000;
/** What nobody has asserted for so long has nobody left who could close it. */
const unseenMs = 60_000;
const untoldMax = 1_000;
const recentMax = 200;

type ViewOf = (isOpen: AlertView["isOpen"]) => AlertView;

interface Parts {
  readonly log: IncidentLog;
  readonly viewOf: ViewOf;
  readonly webhook: Webhook | undefined;
}

/**
 * Looks at everything once a second, needs nobody for it, and tells the log what it sees. While the
 * log is away it keeps what it has to tell, on disk, so that neither an outage of the database nor
 * its own death loses an incident.
 */
export async function startAlertWatch(
  site: Site,
  lifecycle: Lifecycle,
  parts: Parts,
): Promise<AlertWatch> {
  const file = createAlertFile(site.dataDirectory);
  const watch = new Watch(site, parts, await file.read());
  let written = "";
  const looking = site.world.timers.every(lookPeriodMs, () => {
    const content = watch.look();
    const text = watch.fingerprint();
    if (text === written) return;
    written = text;
    file
      .write(content)
      .catch((error: unknown) => site.log.warn("alerts_not_kept", { detail: String(error) }));
  });
  lifecycle.defer("alerts", () => looking.cancel());
  return watch;
}

class Watch implements AlertWatch {
  readonly #site: Site;
  readonly #parts: Parts;
  readonly #book: AlertBook;
  /** By id, the newest state of what the log has not heard yet. */
  readonly #untold: Map<string, Incident>;
  readonly #startedMs: number;
  readonly #gauge;
  #recent: readonly Incident[] = [];
  #shared: readonly Incident[] = [];
  /** What people are to be told of, until it is known whether another replica has done it. */
  readonly #undelivered = new Map<string, Incident>();
  #assertedMs = 0;
  #isTelling: boolean = false;

  constructor(
    site: Site,
    parts: Parts,
    kept: { readonly open: readonly Incident[]; readonly untold: readonly Incident[] },
  ) {
    this.#site = site;
    this.#parts = parts;
    this.#startedMs = site.world.clock.nowMs();
    const known = kept.open.flatMap((incident) => {
      const rule = alertRules.find(({ id }) => id === incident.alert);
      return rule === undefined ? [] : [[rule, incident] as const];
    });
    this.#book = new AlertBook(() => newId(site.world, "inc"), known, this.#startedMs);
    this.#untold = new Map(kept.untold.map((incident) => [incident.id, incident]));
    this.#gauge = site.metrics.gauge({
      name: "tandem_alert_open",
      help: "How often an alert is open, by rule.",
      labels: ["alert", "severity"],
    });
  }

  open(): readonly Incident[] {
    const own = this.#book.open;
    const names = new Set(own.map(nameOf));
    const closed = new Set([...this.#untold.values()].filter(isClosed).map(nameOf));
    const others = this.#shared.filter(
      (one) => !names.has(nameOf(one)) && !closed.has(nameOf(one)),
    );
    return [...own, ...others].toSorted((one, other) => one.openedAtMs - other.openedAtMs);
  }

  recent(): readonly Incident[] {
    return [...this.#book.open, ...this.#recent].toSorted((one, other) =>
      one.id < other.id ? 1 : -1,
    );
  }

  /** Changes whenever something has to be on disk that is not there. */
  fingerprint(): string {
    return [...this.#book.open.map(({ id }) => id), "/", ...this.#untold.keys()].join(" ");
  }

  look(): { readonly open: readonly Incident[]; readonly untold: readonly Incident[] } {
    const nowMs = this.#site.world.clock.nowMs();
    const view = this.#parts.viewOf((alert, subject) => this.#book.isOpen(alert, subject));
    const all: Seen[] = alertRules.map((rule) => ({ rule, conditions: rule.find(view) }));
    const { opened, closed } = this.#book.look(all, nowMs);
    for (const incident of [...opened, ...closed]) this.#note(incident);
    this.#recent = [...closed, ...this.#recent].slice(0, recentMax);
    this.#show();
    const mustAssert = nowMs - this.#assertedMs >= assertPeriodMs;
    if (mustAssert) {
      this.#assertedMs = nowMs;
      for (const incident of this.#book.open) this.#owe(incident);
    }
    // While all is well the log is asked seldom: what goes wrong, each replica sees by itself.
    const isCalm = this.#untold.size + this.#book.open.length + this.#shared.length === 0;
    if (!this.#isTelling && (mustAssert || !isCalm)) void this.#tell(nowMs);
    return { open: this.#book.open, untold: [...this.#untold.values()] };
  }

  #note(incident: Incident): void {
    const { log } = this.#site;
    const { alert, subject, reason, severity, id } = incident;
    const fields = { incident: id, alert, subject, severity };
    if (isClosed(incident)) log.info("alert_closed", { ...fields, why: incident.closeReason });
    else log.warn("alert_opened", { ...fields, reason });
    this.#owe(incident);
    this.#undelivered.set(incident.id, incident);
  }

  #owe(incident: Incident): void {
    this.#untold.set(incident.id, incident);
    if (this.#untold.size > untoldMax) {
      this.#untold.delete(this.#untold.keys().next().value ?? "");
    }
  }

  #show(): void {
    for (const { id: alert, severity } of alertRules) {
      const open = this.#book.open.filter((incident) => incident.alert === alert);
      this.#gauge.set(open.length, { alert, severity });
    }
  }

  #deliver(id: string, isOurs: boolean): void {
    const incident = this.#undelivered.get(id);
    if (incident === undefined) return;
    this.#undelivered.delete(id);
    if (isOurs) this.#parts.webhook?.tell(incident);
  }

  async #tell(nowMs: number): Promise<void> {
    const { log } = this.#parts;
    this.#isTelling = true;
    try {
      for (const [id, incident] of [...this.#untold]) {
        const outcome = await log.merge(incident);
        this.#deliver(id, outcome === "news");
        if (this.#untold.get(id) === incident) this.#untold.delete(id);
      }
      if (nowMs - this.#startedMs > unseenMs) await log.closeUnseen(nowMs - unseenMs, nowMs);
      this.#shared = await log.open();
    } catch (error) {
      // It is away; what it has to hear waits, here and on disk.
      this.#site.log.debug("incidents_not_told", { detail: String(error) });
      // Better twice than not at all: nobody can say whether the other one has told it.
      for (const id of this.#undelivered.keys()) this.#deliver(id, true);
    } finally {
      this.#isTelling = false;
    }
  }
}

function nameOf({ alert, subject }: Incident): string {
  return `${alert} ${subject}`;
}

function isClosed({ closedAtMs }: Incident): boolean {
  return closedAtMs !== undefined;
}

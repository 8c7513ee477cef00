import { type Database, sql, type Transaction, transaction } from "@tandem/libs/store";
import type { Incident } from "../core/alerts/alert-book.ts";
import { mergeIncident } from "../core/alerts/merge-incident.ts";
import type { Schema } from "./migrations.ts";

/** What was wrong, when, and why; shared by all replicas, who each tell it what they see. */
export interface IncidentLog {
  /**
   * Tells one as this replica knows it. The same thing seen by another becomes one with it; `news`
   * when by this the log has one more open or closed.
   */
  merge(incident: Incident): Promise<"news" | "known">;
  open(): Promise<readonly Incident[]>;
  /** Newest first; `after` is the last id of the page before. */
  list(query: IncidentQuery): Promise<readonly Incident[]>;
  /** Closes what nobody has seen since `beforeMs`: whoever saw it is gone. */
  closeUnseen(beforeMs: number, nowMs: number): Promise<void>;
  deleteClosedBefore(atMs: number): Promise<void>;
}

export interface IncidentQuery {
  readonly alert: string;
  readonly after: string;
  readonly limit: number;
}

export function createIncidentLog(database: Database<Schema>): IncidentLog {
  return {
    merge: (incident) => transaction(database, (tx) => merge(tx, incident)),
    async open() {
      const query = database.selectFrom("incidents").selectAll().where("closed_at", "is", null);
      return (await query.limit(1_000).execute()).map(fromRow);
    },
    async list({ alert, after, limit }) {
      let query = database.selectFrom("incidents").selectAll().orderBy("id", "desc").limit(limit);
      if (alert !== "") query = query.where("alert", "=", alert);
      if (after !== "") query = query.where("id", "<", after);
      return (await query.execute()).map(fromRow);
    },
    async closeUnseen(beforeMs, nowMs) {
      await database
        .updateTable("incidents")
        .set({ closed_at: new Date(nowMs), close_reason: "nobody is there who saw it" })
        .where("closed_at", "is", null)
        .where("last_seen_at", "<", new Date(beforeMs))
        .execute();
    },
    async deleteClosedBefore(atMs) {
      await database.deleteFrom("incidents").where("closed_at", "<", new Date(atMs)).execute();
    },
  };
}

async function merge(tx: Transaction<Schema>, told: Incident): Promise<"news" | "known"> {
  const { alert, subject } = told;
  // The first one has no row to lock yet.
  await sql`select pg_advisory_xact_lock(hashtextextended(${`${alert} ${subject}`}, 0))`.execute(
    tx,
  );
  const row = await tx
    .selectFrom("incidents")
    .selectAll()
    .where("alert", "=", alert)
    .where("subject", "=", subject)
    .orderBy("opened_at", "desc")
    .limit(1)
    .executeTakeFirst();
  const known = row && fromRow(row);
  const merged = mergeIncident(known, told);
  if (merged === known) return "known";
  const values = toRow(merged);
  await tx
    .insertInto("incidents")
    .values(values)
    .onConflict((conflict) => conflict.column("id").doUpdateSet(values))
    .execute();
  const isNews =
    known?.id !== merged.id ||
    (known.closedAtMs === undefined) !== (merged.closedAtMs === undefined);
  return isNews ? "news" : "known";
}

type Row = Schema["incidents"];

function fromRow(row: Row): Incident {
  return {
    id: row.id,
    alert: row.alert,
    subject: row.subject,
    severity: row.severity,
    reason: row.reason,
    openedAtMs: row.opened_at.getTime(),
    lastSeenAtMs: row.last_seen_at.getTime(),
    closedAtMs: row.closed_at?.getTime(),
    closeReason: row.close_reason,
  };
}

function toRow(incident: Incident): Row {
  return {
    id: incident.id,
    alert: incident.alert,
    subject: incident.subject,
    severity: incident.severity,
    reason: incident.reason,
    opened_at: new Date(incident.openedAtMs),
    last_seen_at: new Date(incident.lastSeenAtMs),
    closed_at: incident.closedAtMs === undefined ? null : new Date(incident.closedAtMs),
    close_reason: incident.closeReason,
  };
}

import { type Executor, sql } from "@tandem/libs/store";
import { newId } from "@tandem/libs/world";
import type { AnomalyKind } from "../core/settlement.ts";
import type { Books } from "./books.ts";

/** A settlement that was refused, or booked with something odd about it. */
export interface Anomaly {
  readonly organisationId: string;
  readonly requestId: string;
  readonly kind: AnomalyKind;
  readonly askedNanos: bigint;
  readonly chargedNanos: bigint;
  readonly detail: string;
}

export interface RecordedAnomaly extends Anomaly {
  readonly id: string;
  readonly holder: string;
  readonly atMs: number;
}

/** Keeps anomalies for people to see; a repeated one is kept once. */
export async function recordAnomalies(
  tx: Executor,
  books: Books,
  found: {
    readonly holder: string;
    readonly nowMs: number;
    readonly anomalies: readonly Anomaly[];
  },
): Promise<void> {
  for (const anomaly of found.anomalies) {
    await sql`
      insert into anomalies (id, organisation_id, request_id, kind, holder, asked_nanos,
        charged_nanos, at_ms, detail)
      values (${newId(books.world, "evt")}, ${anomaly.organisationId}, ${anomaly.requestId},
        ${anomaly.kind}, ${found.holder}, ${anomaly.askedNanos}, ${anomaly.chargedNanos},
        ${found.nowMs}, ${anomaly.detail})
      on conflict (request_id, kind, asked_nanos) do nothing`.execute(tx);
  }
}

/** Newest first; of all organisations when none is named. `after` is the last id of the page before. */
export async function listAnomalies(
  executor: Executor,
  page: { readonly organisationId: string; readonly limit: number; readonly after: string },
): Promise<readonly RecordedAnomaly[]> {
  const { rows } = await sql<{
    id: string;
    organisation_id: string;
    request_id: string;
    kind: AnomalyKind;
    holder: string;
    asked_nanos: bigint;
    charged_nanos: bigint;
    at_ms: bigint;
    detail: string;
  }>`
    select * from anomalies
    where (${page.organisationId} = '' or organisation_id = ${page.organisationId})
      and (${page.after} = '' or id < ${page.after})
    order by id desc limit ${page.limit}`.execute(executor);
  return rows.map((row) => ({
    id: row.id,
    organisationId: row.organisation_id,
    requestId: row.request_id,
    kind: row.kind,
    holder: row.holder,
    askedNanos: row.asked_nanos,
    chargedNanos: row.charged_nanos,
    atMs: Number(row.at_ms),
    detail: row.detail,
  }));
}

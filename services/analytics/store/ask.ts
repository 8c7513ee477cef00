import { type RawBuilder, sql } from "@tandem/libs/store";
import type { Piece } from "../core/steps.ts";
import { tableOf } from "./levels.ts";

/** What usage can be grouped by. */
export const groupFields = {
  model: "model",
  key: "key_id",
  user: "user_id",
  project: "project_id",
  status: "status",
  outcome: "outcome",
  upstream: "upstream",
  endpoint: "endpoint",
} as const;

export type GroupField = keyof typeof groupFields;

/** Empty lists mean any. */
export interface Filter {
  readonly models: readonly string[];
  readonly keyIds: readonly string[];
  readonly userIds: readonly string[];
  readonly projectIds: readonly string[];
  readonly statuses: readonly number[];
  readonly outcomes: readonly string[];
  readonly upstreams: readonly string[];
  readonly endpoints: readonly string[];
}

export interface Scope {
  readonly organisationId: string;
  readonly filter: Filter;
}

/** The condition on `series` that a question comes to. */
export function conditionOf({ organisationId, filter }: Scope): RawBuilder<unknown> {
  const conditions = [sql`series.organisation_id = ${organisationId}`];
  const texts = [
    ["model", filter.models],
    ["key_id", filter.keyIds],
    ["user_id", filter.userIds],
    ["project_id", filter.projectIds],
    ["outcome", filter.outcomes],
    ["upstream", filter.upstreams],
    ["endpoint", filter.endpoints],
  ] as const;
  for (const [column, values] of texts) {
    if (values.length === 0) continue;
    conditions.push(sql`series.${sql.id(column)} = any(${[...values]}::text[])`);
  }
  if (filter.statuses.length > 0) {
    conditions.push(sql`series.status = any(${[...filter.statuses]}::integer[])`);
  }
  return sql.join(conditions, sql` and `);
}

/** The sums of all pieces, under the name `sums`, as something to select from. */
export function sumsOf(pieces: readonly Piece[]): RawBuilder<unknown> {
  if (pieces.length === 0) return sql`(select * from usage_days where false) as sums`;
  const parts = pieces.map(
    ({ level, fromMs, untilMs }) =>
      sql`select * from ${sql.table(tableOf[level])} where at_ms >= ${fromMs} and at_ms < ${untilMs}`,
  );
  return sql`(${sql.join(parts, sql` union all `)}) as sums`;
}

/** The group of a row, as texts. */
export function groupOf(groupBy: readonly GroupField[]): RawBuilder<unknown> {
  if (groupBy.length === 0) return sql`'{}'::text[]`;
  const columns = groupBy.map((field) => sql`series.${sql.id(groupFields[field])}::text`);
  return sql`array[${sql.join(columns)}]`;
}

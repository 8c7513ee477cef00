/** Which projects' chats get articles without asking, in one version for all replicas. */
import {
  type Database,
  type Executor,
  notify,
  type Selectable,
  sql,
  type Transaction,
  transaction,
} from "@tandem/libs/store";
import type { Schema } from "./schema.ts";

export type RuleRow = Selectable<Schema["rules"]>;

export const rulesChannel = "articles_rules";

export async function raiseRules(tx: Executor): Promise<void> {
  const { rows } = await sql<{ version: bigint }>`
    update rule_snapshot set version = version + 1 returning version`.execute(tx);
  await notify(tx, rulesChannel, String(rows[0]?.version ?? 0n));
}

export function readRules(
  database: Database<Schema>,
): Promise<{ readonly version: bigint; readonly rules: readonly RuleRow[] }> {
  return transaction(
    database,
    async (tx) => {
      const { version } = await tx
        .selectFrom("rule_snapshot")
        .select("version")
        .executeTakeFirstOrThrow();
      const rules = await tx
        .selectFrom("rules")
        .selectAll()
        .orderBy("organisation_id")
        .orderBy("project_id")
        .execute();
      return { version, rules };
    },
    { isolation: "repeatable read" },
  );
}

export function rulesOf(
  database: Database<Schema>,
  organisationId: string,
): Promise<readonly RuleRow[]> {
  return database
    .selectFrom("rules")
    .selectAll()
    .where("organisation_id", "=", organisationId)
    .orderBy("project_id")
    .execute();
}

export function lockRule(
  tx: Transaction<Schema>,
  place: { readonly organisationId: string; readonly projectId: string },
): Promise<RuleRow | undefined> {
  return tx
    .selectFrom("rules")
    .selectAll()
    .where("organisation_id", "=", place.organisationId)
    .where("project_id", "=", place.projectId)
    .forUpdate()
    .executeTakeFirst();
}

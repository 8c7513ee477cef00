import { type Executor, sql } from "@tandem/libs/store";

/** Says that search would find something else from this transaction's commit on. */
export async function touchLibrary(tx: Executor, organisationId: string): Promise<void> {
  await sql`
    insert into libraries (organisation_id, version) values (${organisationId}, 1)
    on conflict (organisation_id) do update set version = libraries.version + 1`.execute(tx);
}

/** 0 for an organisation that never published anything. */
export async function libraryVersion(executor: Executor, organisationId: string): Promise<bigint> {
  const { rows } = await sql<{ version: bigint }>`
    select version from libraries where organisation_id = ${organisationId}`.execute(executor);
  return rows[0]?.version ?? 0n;
}

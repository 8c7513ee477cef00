import { fromBinary, toBinary } from "@bufbuild/protobuf";
import {
  type RequestRecord,
  RequestRecordSchema,
} from "@tandem/contracts/rpc/monitoring/v1/monitoring_pb";
import { type Database, sql } from "@tandem/libs/store";
import type { Schema } from "./migrations.ts";

/** What became of requests; one record an id, the first one told. */
export interface RequestStore {
  /** Records that are there already are left as they are, so a batch may come twice. */
  insert(records: readonly RequestRecord[]): Promise<void>;
  find(organisationId: string, requestId: string): Promise<RequestRecord | undefined>;
  /** Newest first; `after` is the last id of the page before. */
  list(query: RequestQuery): Promise<readonly RequestRecord[]>;
  deleteOlderThan(ageMs: number): Promise<void>;
}

export interface RequestQuery {
  readonly organisationId: string;
  readonly projectId: string;
  readonly keyId: string;
  readonly after: string;
  readonly limit: number;
}

export function createRequestStore(database: Database<Schema>): RequestStore {
  return {
    async insert(records) {
      if (records.length === 0) return;
      await database
        .insertInto("request_records")
        .values(
          records.map((record) => ({
            request_id: record.requestId,
            organisation_id: record.organisationId,
            project_id: record.projectId,
            key_id: record.keyId,
            at: new Date(Number(record.atMs)),
            record: Buffer.from(toBinary(RequestRecordSchema, record)),
          })),
        )
        .onConflict((conflict) => conflict.column("request_id").doNothing())
        .execute();
    },
    async find(organisationId, requestId) {
      const row = await database
        .selectFrom("request_records")
        .select("record")
        .where("request_id", "=", requestId)
        .where("organisation_id", "=", organisationId)
        .executeTakeFirst();
      return row && fromBinary(RequestRecordSchema, row.record);
    },
    async list({ organisationId, projectId, keyId, after, limit }) {
      let query = database
        .selectFrom("request_records")
        .select("record")
        .where("organisation_id", "=", organisationId)
        .orderBy("request_id", "desc")
        .limit(limit);
      if (projectId !== "") query = query.where("project_id", "=", projectId);
      if (keyId !== "") query = query.where("key_id", "=", keyId);
      if (after !== "") query = query.where("request_id", "<", after);
      const rows = await query.execute();
      return rows.map((row) => fromBinary(RequestRecordSchema, row.record));
    },
    async deleteOlderThan(ageMs) {
      await sql`
        delete from request_records where at < now() - ${ageMs} * interval '1 millisecond'`.execute(
        database,
      );
    },
  };
}

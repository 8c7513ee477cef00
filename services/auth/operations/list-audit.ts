import type {
  AuditEntry,
  ListAuditRequest,
  ListAuditResponse,
} from "@tandem/contracts/rpc/auth/v1/auth_pb";
import type { CallContext, MessageInit } from "@tandem/libs/rpc";
import { requirePermission } from "../authority.ts";
import type { AuthParts } from "../parts.ts";
import { type AuditRow, listAudit as listRows } from "../store/audit-log.ts";

const limitDefault = 50;
const limitMax = 100;

/** Newest first. */
export async function listAudit(
  { database }: AuthParts,
  { organisationId, beforeSequence, limit }: ListAuditRequest,
  context: CallContext,
): Promise<MessageInit<ListAuditResponse>> {
  requirePermission(context, { organisationId, permission: "audit:read" });
  const size = Math.min(limit || limitDefault, limitMax);
  const rows = await listRows(database, { organisationId, beforeSequence, limit: size });
  return { entries: rows.slice(0, size).map(auditMessage), hasMore: rows.length > size };
}

export function auditMessage(row: AuditRow): MessageInit<AuditEntry> {
  return {
    sequence: row.sequence,
    atMs: BigInt(row.at.getTime()),
    organisationId: row.organisation_id,
    actor: row.actor,
    action: row.action,
    target: row.target,
    beforeJson: row.before_json,
    afterJson: row.after_json,
    requestId: row.request_id,
    hash: new Uint8Array(row.hash),
  };
}

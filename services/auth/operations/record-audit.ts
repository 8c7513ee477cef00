import type { AuditEntry, RecordAuditRequest } from "@tandem/contracts/rpc/auth/v1/auth_pb";
import type { CallContext, MessageInit } from "@tandem/libs/rpc";
import { requirePlatform } from "../authority.ts";
import { authFaults } from "../faults.ts";
import type { AuthParts } from "../parts.ts";
import { act } from "../store/action.ts";
import { findAuditEvent, isKnownEvent } from "../store/audit-log.ts";
import { auditMessage } from "./list-audit.ts";

/** Appends what another part of the platform did; the same event twice is one entry. */
export async function recordAudit(
  { database }: AuthParts,
  { entry, eventId }: RecordAuditRequest,
  context: CallContext,
): Promise<MessageInit<AuditEntry>> {
  requirePlatform(context);
  if (entry === undefined || eventId === "" || entry.action === "") {
    throw authFaults.platform_only({ detail: "an audit entry has an action and an event id" });
  }
  const known = await findAuditEvent(database, eventId);
  if (known !== undefined) return auditMessage(known);
  try {
    await act(database, context, async (action) => {
      action.audit({
        organisationId: entry.organisationId,
        action: entry.action,
        target: entry.target,
        ...(entry.beforeJson === "" ? {} : { before: JSON.parse(entry.beforeJson) as unknown }),
        ...(entry.afterJson === "" ? {} : { after: JSON.parse(entry.afterJson) as unknown }),
        eventId,
        by: {
          actor: entry.actor || context.passport.issuer,
          requestId: entry.requestId || context.requestId,
          at: entry.atMs === 0n ? action.now : new Date(Number(entry.atMs)),
        },
      });
    });
  } catch (error) {
    if (!isKnownEvent(error)) throw error;
  }
  const recorded = await findAuditEvent(database, eventId);
  return recorded === undefined ? {} : auditMessage(recorded);
}

import type {
  VerifyAuditRequest,
  VerifyAuditResponse,
} from "@tandem/contracts/rpc/auth/v1/auth_pb";
import type { CallContext, MessageInit } from "@tandem/libs/rpc";
import { authorityOf } from "../authority.ts";
import { authFaults } from "../faults.ts";
import type { AuthParts } from "../parts.ts";
import { verifyAudit as walkChain } from "../store/audit-log.ts";

/** Recomputes the whole chain; says nothing of anybody's entries but whether they are intact. */
export async function verifyAudit(
  { database }: AuthParts,
  _request: VerifyAuditRequest,
  context: CallContext,
): Promise<MessageInit<VerifyAuditResponse>> {
  const authority = authorityOf(context);
  if (authority !== undefined && !authority.has("audit:read")) {
    throw authFaults.permission_missing({ detail: "audit:read" });
  }
  const { entries, brokenAt } = await walkChain(database);
  return { ok: brokenAt === 0n, entries, brokenAtSequence: brokenAt };
}

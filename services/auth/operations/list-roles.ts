import type {
  ListRolesRequest,
  ListRolesResponse,
  RoleGrant,
} from "@tandem/contracts/rpc/auth/v1/auth_pb";
import type { CallContext, MessageInit } from "@tandem/libs/rpc";
import { requirePermission } from "../authority.ts";
import type { AuthParts } from "../parts.ts";
import { type GrantRow, listGrants } from "../store/people.ts";

/** Roles in an organisation, of one person or of everybody. One's own are always readable. */
export async function listRoles(
  { database }: AuthParts,
  { organisationId, userId }: ListRolesRequest,
  context: CallContext,
): Promise<MessageInit<ListRolesResponse>> {
  const { passport } = context;
  const isOwn = userId !== "" && passport.userId === userId;
  if (!isOwn || passport.organisationId !== organisationId) {
    requirePermission(context, { organisationId, permission: "members:read" });
  }
  const grants = await listGrants(database, { organisationId, userId });
  return { grants: grants.map(grantMessage) };
}

export function grantMessage(grant: GrantRow): MessageInit<RoleGrant> {
  return {
    organisationId: grant.organisation_id,
    userId: grant.user_id,
    role: grant.role,
    grantedAtMs: BigInt(grant.granted_at.getTime()),
  };
}

import type { GrantRoleRequest, RoleGrant } from "@tandem/contracts/rpc/auth/v1/auth_pb";
import type { CallContext, MessageInit } from "@tandem/libs/rpc";
import type { AuthParts } from "../parts.ts";
import { announceRoles, requireRoleChange, requireRolePlace } from "../role-changes.ts";
import { act } from "../store/action.ts";
import { insertGrant } from "../store/people.ts";

/** Gives a person a role in an organisation. A second time changes nothing. */
export async function grantRole(
  { database }: AuthParts,
  { organisationId, userId, role, onlyCheck }: GrantRoleRequest,
  context: CallContext,
): Promise<MessageInit<RoleGrant>> {
  requireRoleChange(context, organisationId, role);
  if (onlyCheck) return { organisationId, userId, role };
  return act(database, context, async (action) => {
    await requireRolePlace(action, organisationId, role);
    const grant = {
      organisation_id: organisationId,
      user_id: userId,
      role,
      granted_at: action.now,
    };
    const isNew = await insertGrant(action.tx, grant);
    if (isNew) {
      await announceRoles(action, { organisationId, userId });
      action.audit({ organisationId, action: "role.granted", target: userId, after: { role } });
    }
    return { organisationId, userId, role, grantedAtMs: BigInt(action.now.getTime()) };
  });
}

import type { RevokeRoleRequest, RoleGrant } from "@tandem/contracts/rpc/auth/v1/auth_pb";
import type { CallContext, MessageInit } from "@tandem/libs/rpc";
import { authFaults } from "../faults.ts";
import type { AuthParts } from "../parts.ts";
import { announceRoles, endAccess, requireRoleChange } from "../role-changes.ts";
import { act } from "../store/action.ts";
import { deleteGrants, listGrants, lockHolders } from "../store/people.ts";

/**
 * Takes a role, or all of them. With the last one go the person's keys and sessions in the
 * organisation. Throws `auth.last_owner` and `auth.last_platform_owner`; a role that was not there
 * changes nothing.
 */
export async function revokeRole(
  { database }: AuthParts,
  { organisationId, userId, role }: RevokeRoleRequest,
  context: CallContext,
): Promise<MessageInit<RoleGrant>> {
  const person = { organisationId, userId };
  return act(database, context, async (action) => {
    const { tx } = action;
    const owners = await lockHolders(tx, organisationId, "owner");
    const platformOwners = await lockHolders(tx, organisationId, "platform:owner");
    const held = await listGrants(tx, person);
    const going = held.filter((grant) => role === "" || grant.role === role);
    for (const name of role === "" ? going.map((grant) => grant.role) : [role]) {
      requireRoleChange(context, organisationId, name);
    }
    // With nothing to take, "all of them" still needs the right to take something.
    if (role === "" && going.length === 0) requireRoleChange(context, organisationId, "viewer");
    const loses = (name: string): boolean => going.some((grant) => grant.role === name);
    if (loses("owner") && owners.length === 1) throw authFaults.last_owner();
    if (loses("platform:owner") && platformOwners.length === 1) {
      throw authFaults.last_platform_owner();
    }
    await deleteGrants(tx, { ...person, role });
    for (const grant of going) {
      const before = { role: grant.role };
      action.audit({ organisationId, action: "role.revoked", target: userId, before });
    }
    if (going.length === held.length) await endAccess(action, person);
    else await announceRoles(action, person);
    const taken = going[0]?.granted_at;
    return { ...person, role, grantedAtMs: BigInt(taken?.getTime() ?? 0) };
  });
}

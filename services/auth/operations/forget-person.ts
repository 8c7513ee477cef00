import type {
  ForgetPersonRequest,
  ForgetPersonResponse,
} from "@tandem/contracts/rpc/auth/v1/auth_pb";
import type { CallContext, MessageInit } from "@tandem/libs/rpc";
import { requirePlatform } from "../authority.ts";
import { authFaults } from "../faults.ts";
import type { AuthParts } from "../parts.ts";
import { endAccess } from "../role-changes.ts";
import { type Action, act } from "../store/action.ts";
import { keyIdsOfOrganisation, revokeKeys } from "../store/keys.ts";
import { deleteGrants, forgetWaysIn, type GrantRow, listGrants } from "../store/people.ts";

/**
 * Ends all access of a person and forgets its password, links and addresses. An organisation that
 * has others is not left without an owner, nor the platform: throws `auth.last_owner` and
 * `auth.last_platform_owner`. One that has nobody else is closed: its keys end, too.
 */
export async function forgetPerson(
  { database }: AuthParts,
  { userId, onlyCheck }: ForgetPersonRequest,
  context: CallContext,
): Promise<MessageInit<ForgetPersonResponse>> {
  requirePlatform(context);
  await act(database, context, async (action) => {
    const held = await listGrants(action.tx, { organisationId: "", userId });
    const places = [...new Set(held.map((grant) => grant.organisation_id))].sort();
    for (const organisationId of places) {
      const all = await lockGrants(action, organisationId);
      requireSuccessor(all, userId);
      if (!onlyCheck) await leave(action, { organisationId, userId, all });
    }
    if (!onlyCheck) await forgetWaysIn(action.tx, userId);
  });
  return {};
}

/** Everybody's roles there, held still until the end of the transaction. */
function lockGrants({ tx }: Action, organisationId: string): Promise<readonly GrantRow[]> {
  return tx
    .selectFrom("role_grants")
    .selectAll()
    .where("organisation_id", "=", organisationId)
    .orderBy("user_id")
    .orderBy("role")
    .forUpdate()
    .execute();
}

function requireSuccessor(all: readonly GrantRow[], userId: string): void {
  const others = all.filter((grant) => grant.user_id !== userId);
  const isLast = (role: string): boolean =>
    all.some((grant) => grant.user_id === userId && grant.role === role) &&
    !others.some((grant) => grant.role === role);
  if (isLast("platform:owner")) throw authFaults.last_platform_owner();
  if (isLast("owner") && others.length > 0) throw authFaults.last_owner();
}

async function leave(
  action: Action,
  {
    organisationId,
    userId,
    all,
  }: {
    readonly organisationId: string;
    readonly userId: string;
    readonly all: readonly GrantRow[];
  },
): Promise<void> {
  const { tx, now } = action;
  await deleteGrants(tx, { organisationId, userId, role: "" });
  await endAccess(action, { organisationId, userId });
  if (all.every((grant) => grant.user_id === userId)) {
    const keys = await keyIdsOfOrganisation(tx, organisationId);
    for (const keyId of await revokeKeys(tx, keys, now)) {
      action.revoke({ keyId });
      action.audit({ organisationId, action: "key.revoked", target: keyId });
    }
  }
  action.audit({ organisationId, action: "access.erased", target: userId });
}

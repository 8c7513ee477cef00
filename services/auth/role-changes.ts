/** What changes of roles have in common: who may make them, and who must hear of them. */
import type { CallContext } from "@tandem/libs/rpc";
import { authorityOf, isPlatform } from "./authority.ts";
import { isRole, mayChangeRole } from "./core/permissions.ts";
import { authFaults } from "./faults.ts";
import type { Action } from "./store/action.ts";
import { keyIdsOfUser, sessionIdsOfUser } from "./store/people.ts";

/** Throws `auth.role_unknown` or `auth.permission_missing`. */
export function requireRoleChange(
  context: CallContext,
  organisationId: string,
  role: string,
): void {
  if (!isRole(role)) throw authFaults.role_unknown();
  const authority = authorityOf(context);
  if (authority === undefined) return;
  const isInside = isPlatform(context) || context.passport.organisationId === organisationId;
  if (!isInside || !mayChangeRole(authority, role)) {
    throw authFaults.permission_missing({ detail: `to change the role ${role}` });
  }
}

/** A person's keys and sessions carry its roles: gateways look them up again. */
export async function announceRoles(
  action: Action,
  person: { readonly organisationId: string; readonly userId: string },
): Promise<void> {
  for (const keyId of await keyIdsOfUser(action.tx, person)) action.revoke({ keyId });
  for (const sessionId of await sessionIdsOfUser(action.tx, person)) action.revoke({ sessionId });
}

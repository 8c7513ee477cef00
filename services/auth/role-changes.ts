/** What changes of roles have in common: who may make them, and who must hear of them. */
import type { CallContext } from "@tandem/libs/rpc";
import { authorityOf, isPlatform } from "./authority.ts";
import { isPlatformRole, isRole, mayChangeRole } from "./core/permissions.ts";
import { authFaults } from "./faults.ts";
import type { Action } from "./store/action.ts";
import { revokeKeys } from "./store/keys.ts";
import { endSessions, keyIdsOfUser, sessionIdsOfUser } from "./store/people.ts";
import { findSetup } from "./store/setup.ts";

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

/**
 * Roles of the platform are held in the organisation that setup founded and nowhere else, so that
 * who is in another one, or owns it, never comes near them. Throws `auth.platform_role_elsewhere`.
 */
export async function requireRolePlace(
  { tx }: Pick<Action, "tx">,
  organisationId: string,
  role: string,
): Promise<void> {
  if (!isPlatformRole(role)) return;
  const setup = await findSetup(tx);
  if (setup?.organisation_id !== organisationId) throw authFaults.platform_role_elsewhere();
}

/** A person's keys and sessions carry its roles: gateways look them up again. */
export async function announceRoles(
  action: Action,
  person: { readonly organisationId: string; readonly userId: string },
): Promise<void> {
  for (const keyId of await keyIdsOfUser(action.tx, person)) action.revoke({ keyId });
  for (const sessionId of await sessionIdsOfUser(action.tx, person)) action.revoke({ sessionId });
}

/**
 * Ends a person's keys and sessions in an organisation. Also when no role was left before: what was
 * broken off is finished by repeating it.
 */
export async function endAccess(
  action: Action,
  person: { readonly organisationId: string; readonly userId: string },
): Promise<void> {
  const { tx, now } = action;
  const sessions = await sessionIdsOfUser(tx, person);
  await endSessions(tx, sessions, now);
  for (const sessionId of sessions) action.revoke({ sessionId });
  for (const keyId of await revokeKeys(tx, await keyIdsOfUser(tx, person), now)) {
    action.revoke({ keyId });
    const { organisationId } = person;
    action.audit({ organisationId, action: "key.revoked", target: keyId });
  }
}

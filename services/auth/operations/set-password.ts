import type {
  SetPasswordRequest,
  SetPasswordResponse,
} from "@tandem/contracts/rpc/auth/v1/auth_pb";
import type { CallContext, MessageInit } from "@tandem/libs/rpc";
import { openAttempt } from "../attempts.ts";
import { isPlatform } from "../authority.ts";
import { authFaults } from "../faults.ts";
import type { AuthParts } from "../parts.ts";
import { act } from "../store/action.ts";
import { listLinks } from "../store/links.ts";
import {
  endSessions,
  findPasswordHash,
  listGrants,
  putPasswordHash,
  sessionIdsOfUser,
} from "../store/people.ts";

/**
 * Sets a person's password and ends its other sessions. People change their own in a session; the
 * platform sets the first one when an invitation is accepted. Where there is one already, it has
 * to be given, and an account that works without one gets none in this way: whoever invites holds
 * the invitation too, and must not get in by it. Throws `auth.password_wrong`,
 * `auth.sign_in_first`.
 */
export async function setPassword(
  parts: AuthParts,
  request: SetPasswordRequest,
  context: CallContext,
): Promise<MessageInit<SetPasswordResponse>> {
  const { database, passwords } = parts;
  const { userId, password } = request;
  const { passport } = context;
  // A key is not a person at a keyboard: it cannot take an account over.
  const isSelf = passport.userId === userId && passport.sessionId !== "";
  if (!isSelf && !isPlatform(context)) {
    throw authFaults.permission_missing({ detail: "a password is its owner's" });
  }
  await checkCurrent(parts, request, isSelf);
  const passwordHash = await passwords.hash(password);
  await act(database, context, async (action) => {
    const { tx, now } = action;
    await putPasswordHash(tx, userId, { passwordHash, now });
    const sessions = await sessionIdsOfUser(tx, { userId });
    const others = sessions.filter((id) => id !== passport.sessionId);
    await endSessions(tx, others, now);
    for (const sessionId of others) action.revoke({ sessionId });
    const { organisationId } = passport;
    action.audit({ organisationId, action: "password.changed", target: userId });
  });
  return {};
}

async function checkCurrent(
  parts: AuthParts,
  { userId, currentPassword }: SetPasswordRequest,
  isSelf: boolean,
): Promise<void> {
  const { database } = parts;
  const known = await findPasswordHash(database, userId);
  if (known === undefined) {
    if (!isSelf && (await isInUse(database, userId))) throw authFaults.sign_in_first();
    return;
  }
  const attempt = await openAttempt(parts, { email: userId, remoteAddress: userId });
  if (!(await parts.passwords.isRight(currentPassword, known))) {
    throw authFaults.password_wrong();
  }
  await attempt.forgive();
}

/** Whether somebody has this account already, by a provider's identity or by a role. */
async function isInUse(database: AuthParts["database"], userId: string): Promise<boolean> {
  if ((await listLinks(database, userId)).length > 0) return true;
  return (await listGrants(database, { organisationId: "", userId })).length > 0;
}

import type { SignInRequest, SignInResponse } from "@tandem/contracts/rpc/auth/v1/auth_pb";
import type { CallContext, MessageInit } from "@tandem/libs/rpc";
import { openAttempt } from "../attempts.ts";
import { requirePlatform } from "../authority.ts";
import { authFaults } from "../faults.ts";
import { findUserId } from "../find-user.ts";
import { openSession } from "../open-session.ts";
import type { AuthParts } from "../parts.ts";
import { findPasswordHash } from "../store/people.ts";

/**
 * Opens a session for an e-mail address and its password. Throws `auth.sign_in_refused`, the same
 * and as slow for people who do not exist; `auth.sign_in_blocked`, `auth.sign_in_busy`,
 * `auth.no_access`.
 */
export async function signIn(
  parts: AuthParts,
  request: SignInRequest,
  context: CallContext,
): Promise<MessageInit<SignInResponse>> {
  requirePlatform(context);
  const email = request.email.trim().toLowerCase();
  const attempt = await openAttempt(parts, { email, remoteAddress: request.remoteAddress });
  const userId = await findUserId(parts, email, context);
  const passwordHash =
    userId === undefined ? undefined : await findPasswordHash(parts.database, userId);
  const isRight = await parts.passwords.isRight(request.password, passwordHash);
  if (!isRight || userId === undefined) throw authFaults.sign_in_refused();
  await attempt.forgive();
  const { organisationId, remoteAddress } = request;
  const wanted = { userId, organisationId, method: "password", remoteAddress };
  return openSession(parts, wanted, context);
}

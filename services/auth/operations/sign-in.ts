import type { SignInRequest, SignInResponse } from "@tandem/contracts/rpc/auth/v1/auth_pb";
import { Fault } from "@tandem/libs/kernel";
import type { CallContext, MessageInit } from "@tandem/libs/rpc";
import { sql } from "@tandem/libs/store";
import { newId } from "@tandem/libs/world";
import { openAttempt } from "../attempts.ts";
import { requirePlatform } from "../authority.ts";
import { sessionEndMs } from "../core/session-life.ts";
import { authFaults } from "../faults.ts";
import { sessionIdentity } from "../messages.ts";
import type { AuthParts } from "../parts.ts";
import { sessionRuleOf } from "../session-rule.ts";
import { act } from "../store/action.ts";
import { findPasswordHash, insertSession, listGrants } from "../store/people.ts";
import { completeSetup } from "../store/setup.ts";
import { hashToken, newToken } from "../tokens.ts";

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
  return openSession(parts, { userId, organisationId: request.organisationId }, context);
}

async function findUserId(
  { users }: AuthParts,
  email: string,
  context: CallContext,
): Promise<string | undefined> {
  try {
    const options = { requestId: context.requestId, deadlineMs: context.remainingMs() };
    return (await users.findUserByEmail({ email }, options)).id;
  } catch (error) {
    if (Fault.is(error) && error.code === "not_found") return undefined;
    throw error;
  }
}

async function openSession(
  parts: AuthParts,
  wanted: { readonly userId: string; readonly organisationId: string },
  context: CallContext,
): Promise<MessageInit<SignInResponse>> {
  const { database, pepper, config } = parts;
  const token = newToken(database.world);
  return act(database, context, async (action) => {
    const { tx, now } = action;
    const grants = await listGrants(tx, wanted);
    const [first] = grants;
    if (first === undefined) throw authFaults.no_access();
    const organisationId = first.organisation_id;
    const session = {
      id: newId(database.world, "ses"),
      token_hash: hashToken(pepper, "session", token),
      user_id: wanted.userId,
      organisation_id: organisationId,
      created_at: now,
      seen_at: now,
      ended_at: null,
    };
    await insertSession(tx, session);
    await completeSetup(tx, { userId: wanted.userId, now });
    action.audit({
      organisationId,
      action: "session.opened",
      target: session.id,
      by: { actor: wanted.userId, requestId: context.requestId, at: now },
    });
    const { rows } = await sql<{ sequence: bigint }>`
      select sequence from revocation_head`.execute(tx);
    const times = { createdAtMs: now.getTime(), seenAtMs: now.getTime(), endedAtMs: undefined };
    const identity = sessionIdentity({
      id: session.id,
      userId: wanted.userId,
      organisationId,
      roles: grants.filter((row) => row.organisation_id === organisationId).map(({ role }) => role),
      endsAtMs: sessionEndMs(times, sessionRuleOf(config)),
      sequence: rows[0]?.sequence ?? 0n,
    });
    const expiresAtMs = BigInt(now.getTime() + config.sessionAbsoluteMs);
    return { identity, sessionToken: token, expiresAtMs };
  });
}

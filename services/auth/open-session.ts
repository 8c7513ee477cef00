import type { SignInResponse } from "@tandem/contracts/rpc/auth/v1/auth_pb";
import type { CallContext, MessageInit } from "@tandem/libs/rpc";
import { sql } from "@tandem/libs/store";
import { newId } from "@tandem/libs/world";
import { sessionEndMs } from "./core/session-life.ts";
import { authFaults } from "./faults.ts";
import { sessionIdentity } from "./messages.ts";
import type { AuthParts } from "./parts.ts";
import { sessionRuleOf } from "./session-rule.ts";
import { act } from "./store/action.ts";
import { insertSession, listGrants } from "./store/people.ts";
import { completeSetup } from "./store/setup.ts";
import { hashToken, newToken } from "./tokens.ts";

/** Opens a session for somebody who has proved who they are. Throws `auth.no_access`. */
export async function openSession(
  parts: AuthParts,
  wanted: {
    readonly userId: string;
    /** Empty for the one joined first. */
    readonly organisationId: string;
    /** `password`, or the name of a provider. */
    readonly method: string;
    readonly remoteAddress: string;
  },
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
      method: wanted.method,
      remote_address: wanted.remoteAddress.slice(0, 64),
    };
    await insertSession(tx, session);
    await completeSetup(tx, { userId: wanted.userId, now });
    action.audit({
      organisationId,
      action: "session.opened",
      target: session.id,
      after: { method: wanted.method },
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

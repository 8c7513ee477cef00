/**
 * A browser is back from its provider. What it brings is believed only if this browser began it,
 * once, and if the provider's own word holds; whose account that opens is decided in `core`.
 */
import type { CompleteSignInRequest, SignInResponse } from "@tandem/contracts/rpc/auth/v1/auth_pb";
import type { CallContext, MessageInit } from "@tandem/libs/rpc";
import { requirePlatform } from "../authority.ts";
import { decideLink, isOfDomains, type LinkRefusal, type LinkWish } from "../core/linking.ts";
import { authFaults } from "../faults.ts";
import { findUserId } from "../find-user.ts";
import { openIntent, type SignInIntent } from "../oidc/intent.ts";
import type { OidcProvider, ProviderClaims } from "../oidc/provider.ts";
import { openSession } from "../open-session.ts";
import type { AuthParts } from "../parts.ts";
import { act } from "../store/action.ts";
import { findLinkedUser, putLink, useState } from "../store/links.ts";
import { findPasswordHash, insertGrant } from "../store/people.ts";
import { hashToken } from "../tokens.ts";

interface Arrived {
  readonly intent: SignInIntent;
  readonly provider: OidcProvider;
  readonly claims: ProviderClaims;
}

const refusals: Readonly<Record<LinkRefusal, () => Error>> = {
  email_unverified: () => authFaults.email_unverified(),
  password_first: () => authFaults.link_password_first(),
  nobody: () => authFaults.no_access(),
  linked_elsewhere: () => authFaults.linked_elsewhere(),
  other_email: () => authFaults.link_other_email(),
};

/**
 * Opens a session for the person behind a provider's word, or links it to the one who asked.
 * Throws `auth.sign_in_not_begun`, `auth.provider_…`, `auth.email_unverified`, `auth.link_…`,
 * `auth.no_access`.
 */
export async function completeSignIn(
  parts: AuthParts,
  request: CompleteSignInRequest,
  context: CallContext,
): Promise<MessageInit<SignInResponse>> {
  requirePlatform(context);
  const { intent, provider } = await takeIntent(parts, request);
  const callback = new URLSearchParams(request.callbackQuery);
  const claims = await provider.redeem(callback, intent);
  const arrived = { intent, provider, claims };
  const userId = await personBehind(parts, arrived, context);
  if (intent.linkUserId !== "") return {};
  return openSession(
    parts,
    {
      userId,
      organisationId: intent.organisationId,
      method: provider.settings.name,
      remoteAddress: request.remoteAddress,
    },
    context,
  );
}

/** The intent of this very browser, for the first time. */
async function takeIntent(
  { database, pepper, providers }: AuthParts,
  request: CompleteSignInRequest,
): Promise<{ readonly intent: SignInIntent; readonly provider: OidcProvider }> {
  const nowMs = database.world.clock.nowMs();
  const intent = openIntent(request.intent, { pepper, nowMs });
  const states = new URLSearchParams(request.callbackQuery).getAll("state");
  if (intent === undefined || states.length !== 1 || states[0] !== intent.state) {
    throw authFaults.sign_in_not_begun();
  }
  const provider = providers.get(intent.provider);
  if (provider === undefined) throw authFaults.provider_unknown();
  const hash = hashToken(pepper, "state", intent.state);
  const isFirst = await useState(database, { hash, expiresAt: new Date(intent.expiresAtMs) });
  if (!isFirst) throw authFaults.sign_in_not_begun({ detail: "the state was used before" });
  return { intent, provider };
}

async function personBehind(
  parts: AuthParts,
  arrived: Arrived,
  context: CallContext,
): Promise<string> {
  const { claims, provider, intent } = arrived;
  const { join } = provider.settings;
  const word = { ...claims, linkedUserId: await findLinkedUser(parts.database, claims) };
  const mayJoin = join !== undefined && isOfDomains(claims.email, join.emailDomains);
  const decision = decideLink(word, {
    account: await accountBehind(parts, claims, context),
    wish: await wishOf(parts, intent, context),
    mayJoin,
  });
  if (decision.kind === "refuse") throw refusals[decision.why]();
  const userId = decision.kind === "join" ? await joinUp(parts, arrived, context) : decision.userId;
  return keepLink(parts, { ...arrived, userId, isNew: decision.kind !== "known" }, context);
}

async function accountBehind(
  parts: AuthParts,
  { email, isEmailVerified }: ProviderClaims,
  context: CallContext,
): Promise<{ readonly userId: string; readonly hasPassword: boolean } | undefined> {
  if (email === "" || !isEmailVerified) return undefined;
  const userId = await findUserId(parts, email, context);
  if (userId === undefined) return undefined;
  const hash = await findPasswordHash(parts.database, userId);
  return { userId, hasPassword: hash !== undefined };
}

async function wishOf(
  { users }: AuthParts,
  { linkUserId }: SignInIntent,
  context: CallContext,
): Promise<LinkWish | undefined> {
  if (linkUserId === "") return undefined;
  const options = { requestId: context.requestId, deadlineMs: context.remainingMs() };
  const { email } = await users.getUser({ id: linkUserId }, options);
  return { userId: linkUserId, email };
}

/** Makes somebody new a member of the provider's organisation. Again it changes nothing. */
async function joinUp(
  parts: AuthParts,
  { provider, claims }: Arrived,
  context: CallContext,
): Promise<string> {
  const { join } = provider.settings;
  if (join === undefined) throw authFaults.no_access();
  const { organisationId, role } = join;
  const options = { requestId: context.requestId, deadlineMs: context.remainingMs() };
  const person = { organisationId, email: claims.email, name: claims.name, role };
  const { id: userId } = await parts.users.createUser(person, options);
  await act(parts.database, context, async (action) => {
    const grant = {
      organisation_id: organisationId,
      user_id: userId,
      role,
      granted_at: action.now,
    };
    if (!(await insertGrant(action.tx, grant))) return;
    const by = { actor: userId, requestId: context.requestId, at: action.now };
    action.audit({ organisationId, action: "role.granted", target: userId, after: { role }, by });
  });
  return userId;
}

/** Whom the link leads to: of two who come at once with one identity, both get the first's. */
function keepLink(
  { database }: AuthParts,
  given: Arrived & { readonly userId: string; readonly isNew: boolean },
  context: CallContext,
): Promise<string> {
  const { claims, provider, intent } = given;
  return act(database, context, async (action) => {
    const { tx, now } = action;
    const userId = await putLink(tx, {
      issuer: claims.issuer,
      subject: claims.subject,
      user_id: given.userId,
      provider: provider.settings.name,
      email: claims.email,
      linked_at: now,
      used_at: now,
    });
    if (given.isNew && userId === given.userId) {
      action.audit({
        organisationId: intent.organisationId || (provider.settings.join?.organisationId ?? ""),
        action: "identity.linked",
        target: userId,
        after: { provider: provider.settings.name, issuer: claims.issuer },
        by: { actor: userId, requestId: context.requestId, at: now },
      });
    }
    return userId;
  });
}

import type {
  ListSignInProvidersResponse,
  StartSignInRequest,
  StartSignInResponse,
} from "@tandem/contracts/rpc/auth/v1/auth_pb";
import type { CallContext, MessageInit } from "@tandem/libs/rpc";
import { isPlatform, requirePlatform } from "../authority.ts";
import { authFaults } from "../faults.ts";
import { sealIntent } from "../oidc/intent.ts";
import type { AuthParts } from "../parts.ts";
import { newToken } from "../tokens.ts";

/** How long somebody may take at the provider. */
const intentMs = 600_000;

/** The providers there are. */
export async function listSignInProviders(
  { providers }: AuthParts,
  context: CallContext,
): Promise<MessageInit<ListSignInProvidersResponse>> {
  requirePlatform(context);
  return {
    providers: [...providers.values()].map(({ settings }) => ({
      name: settings.name,
      displayName: settings.displayName || settings.name,
    })),
  };
}

/**
 * Where to send a browser that wants to sign in with a provider, or to link an identity there to
 * the person in whose session this is called. Nothing is stored. Throws `auth.provider_unknown`,
 * `auth.provider_unavailable`.
 */
export async function startSignIn(
  { database, pepper, providers }: AuthParts,
  request: StartSignInRequest,
  context: CallContext,
): Promise<MessageInit<StartSignInResponse>> {
  const { passport } = context;
  const isSession = passport.userId !== "" && passport.sessionId !== "";
  if (request.link ? !isSession : !isPlatform(context)) {
    throw authFaults.permission_missing({ detail: "an identity is linked in a session" });
  }
  const provider = providers.get(request.provider);
  if (provider === undefined) throw authFaults.provider_unknown();
  const { world } = database;
  const expected = {
    state: newToken(world),
    nonce: newToken(world),
    codeVerifier: newToken(world),
  };
  const authorizationUrl = await provider.authorizationUrl(expected);
  const expiresAtMs = world.clock.nowMs() + intentMs;
  const intent = {
    ...expected,
    provider: request.provider,
    expiresAtMs,
    organisationId: request.organisationId,
    linkUserId: request.link ? passport.userId : "",
  };
  return {
    authorizationUrl,
    intent: sealIntent(intent, { pepper, world }),
    expiresAtMs: BigInt(expiresAtMs),
  };
}

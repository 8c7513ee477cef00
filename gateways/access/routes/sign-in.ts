/** Signing in with an OpenID Connect provider; one's identities there; one's sessions. */
import type { Link, Session, StartSignInResponse } from "@tandem/contracts/rpc/auth/v1/auth_pb";
import {
  idField,
  type RestCall,
  readHostCookie,
  setHostCookie,
  setSessionCookie,
  timeField,
  timeOf,
} from "@tandem/libs/gateway";
import { z } from "zod";
import { accessFaults } from "../faults.ts";
import { type AccessServices, asCaller, asPlatform, route } from "./services.ts";

/** Holds the sign-in that this browser began. Lax, for it is the provider that sends it back. */
const intentCookie = "tandem_sign_in";
const noStore = ["cache-control", "no-store"] as const;

const providerPlace = z.strictObject({
  provider: z.string().regex(/^[a-z][a-z0-9-]{0,31}$/, "must be the name of a provider"),
});

const providerFaults = ["auth.provider_unknown", "auth.provider_unavailable"] as const;

function intentHeader(
  call: RestCall,
  started: StartSignInResponse,
  { nowMs }: Pick<AccessServices, "nowMs">,
): readonly [string, string] {
  return setHostCookie({
    name: intentCookie,
    value: started.intent,
    isSecure: call.isSecure,
    maxAgeSeconds: (Number(started.expiresAtMs) - nowMs()) / 1000,
    site: "Lax",
  });
}

function clearIntent({ isSecure }: RestCall): readonly [string, string] {
  return setHostCookie({ name: intentCookie, value: "", isSecure, maxAgeSeconds: 0, site: "Lax" });
}

const signInRoutes = [
  route({
    method: "GET",
    path: "/api/v1/sign-in/providers",
    operationId: "listSignInProviders",
    summary: "List the providers one can sign in with.",
    tag: "Sessions",
    access: "public",
    reply: z.object({ data: z.array(z.object({ name: z.string(), display_name: z.string() })) }),
    async handle(call, { auth }) {
      const { providers } = await auth.listSignInProviders({}, asPlatform(call));
      const data = providers.map(({ name, displayName }) => ({ name, display_name: displayName }));
      return { body: { data } };
    },
  }),
  route({
    method: "GET",
    path: "/api/v1/sign-in/providers/:provider/start",
    operationId: "startSignIn",
    summary: "Go to a provider to sign in there: a link for browsers.",
    tag: "Sessions",
    access: "public",
    status: 303,
    faults: providerFaults,
    params: providerPlace,
    query: z.strictObject({ organisation_id: idField("org").optional() }),
    async handle(call, services) {
      const { organisation_id: organisationId = "" } = call.query;
      const request = { provider: call.params.provider, organisationId, link: false };
      const started = await services.auth.startSignIn(request, asPlatform(call));
      const headers = [
        ["location", started.authorizationUrl],
        intentHeader(call, started, services),
        noStore,
      ] as const;
      return { headers };
    },
  }),
  route({
    method: "GET",
    path: "/api/v1/sign-in/callback",
    operationId: "completeSignIn",
    summary: "Where providers send the browser back to; sets the session's cookie.",
    tag: "Sessions",
    access: "public",
    status: 303,
    faults: [
      ...providerFaults,
      "auth.provider_misconfigured",
      "auth.provider_refused",
      "auth.provider_word_invalid",
      "auth.sign_in_not_begun",
      "auth.email_unverified",
      "auth.link_password_first",
      "auth.link_other_email",
      "auth.linked_elsewhere",
      "auth.no_access",
    ],
    // Providers add what they like; auth reads what the protocol has.
    query: z.looseObject({ state: z.string().max(512).optional() }),
    async handle(call, { auth, consolePath, nowMs }) {
      const { isSecure, remoteAddress, target } = call;
      const intent = readHostCookie({ get: call.header }, { name: intentCookie, isSecure });
      const question = target.indexOf("?");
      const completed = await auth.completeSignIn(
        {
          callbackQuery: question === -1 ? "" : target.slice(question + 1),
          intent: intent ?? "",
          remoteAddress,
        },
        asPlatform(call),
      );
      const token = completed.sessionToken;
      const maxAgeSeconds = (Number(completed.expiresAtMs) - nowMs()) / 1000;
      const headers = [
        ["location", consolePath] as const,
        clearIntent(call),
        ...(token === "" ? [] : setSessionCookie({ token, isSecure, maxAgeSeconds })),
        noStore,
      ];
      return { headers };
    },
  }),
];

export const link = z
  .object({
    provider: z.string(),
    issuer: z.string(),
    email: z.string(),
    linked_at: timeField.nullable(),
    used_at: timeField.nullable(),
  })
  .meta({ id: "Link" });

export function linkBody(message: Link): z.input<typeof link> {
  return {
    provider: message.provider,
    issuer: message.issuer,
    email: message.email,
    linked_at: timeOf(message.linkedAtMs),
    used_at: timeOf(message.usedAtMs),
  };
}

/** A person's session; throws for keys. */
function requireSession(call: RestCall): string {
  if (call.caller.via !== "session") throw accessFaults.session_needed();
  return call.caller.claims.userId;
}

const linkRoutes = [
  route({
    method: "GET",
    path: "/api/v1/me/links",
    operationId: "listLinks",
    summary: "List the identities at providers by which one gets in.",
    tag: "Me",
    access: "caller",
    reply: z.object({ data: z.array(link) }),
    async handle(call, { auth }) {
      const { userId } = call.caller.claims;
      if (userId === "") throw accessFaults.person_needed();
      const { links } = await auth.listLinks({ userId }, asCaller(call));
      return {
        body: {
          data: links.map(linkBody),
        },
      };
    },
  }),
  route({
    method: "POST",
    path: "/api/v1/me/links/:provider",
    operationId: "startLink",
    summary: "Begin to link one's identity at a provider; send the browser to the address given.",
    description: "The identity must have the e-mail address of the account, verified.",
    tag: "Me",
    access: "caller",
    idempotency: "none",
    faults: [...providerFaults, "access.session_needed"],
    params: providerPlace,
    reply: z.object({ authorization_url: z.string() }),
    async handle(call, services) {
      requireSession(call);
      const request = { provider: call.params.provider, link: true };
      const started = await services.auth.startSignIn(request, asCaller(call));
      return {
        body: { authorization_url: started.authorizationUrl },
        headers: [intentHeader(call, started, services), noStore],
      };
    },
  }),
  route({
    method: "DELETE",
    path: "/api/v1/me/links/:provider",
    operationId: "removeLink",
    summary: "Unlink one's identity at a provider.",
    tag: "Me",
    access: "caller",
    faults: ["access.session_needed", "auth.last_way_in"],
    params: providerPlace,
    async handle(call, { auth }) {
      const userId = requireSession(call);
      await auth.removeLink({ userId, provider: call.params.provider }, asCaller(call));
      return {};
    },
  }),
];

export const openSession = z
  .object({
    id: z.string(),
    organisation_id: z.string(),
    method: z.string().meta({ description: "password, or the name of a provider." }),
    remote_address: z.string(),
    is_current: z.boolean(),
    created_at: timeField.nullable(),
    seen_at: timeField.nullable(),
    ends_at: timeField.nullable().meta({ description: "If it is not used before." }),
  })
  .meta({ id: "OpenSession" });

export function sessionBody(message: Session, currentId: string): z.input<typeof openSession> {
  return {
    id: message.id,
    organisation_id: message.organisationId,
    method: message.method,
    remote_address: message.remoteAddress,
    is_current: message.id === currentId,
    created_at: timeOf(message.createdAtMs),
    seen_at: timeOf(message.seenAtMs),
    ends_at: timeOf(message.endsAtMs),
  };
}

const ownSessionRoutes = [
  route({
    method: "GET",
    path: "/api/v1/me/sessions",
    operationId: "listSessions",
    summary: "List where one is signed in, the session used last at the top.",
    tag: "Me",
    access: "caller",
    reply: z.object({ data: z.array(openSession) }),
    async handle(call, { auth }) {
      const { userId, sessionId } = call.caller.claims;
      if (userId === "") throw accessFaults.person_needed();
      const { sessions } = await auth.listSessions({ userId }, asCaller(call));
      return {
        body: {
          data: sessions.map((each) => sessionBody(each, sessionId)),
        },
      };
    },
  }),
  route({
    method: "DELETE",
    path: "/api/v1/me/sessions/:session_id",
    operationId: "endSession",
    summary: "End one of one's sessions, everywhere at once.",
    tag: "Me",
    access: "caller",
    faults: ["access.person_needed"],
    params: z.strictObject({ session_id: idField("ses") }),
    async handle(call, { auth }) {
      const { userId } = call.caller.claims;
      if (userId === "") throw accessFaults.person_needed();
      await auth.endSession({ userId, sessionId: call.params.session_id }, asCaller(call));
      return {};
    },
  }),
];

export const signInAndLinkRoutes = [...signInRoutes, ...linkRoutes, ...ownSessionRoutes];

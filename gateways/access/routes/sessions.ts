/** Signing in and out with e-mail address and password, for the console. */
import {
  clearSessionCookie,
  emailField,
  idField,
  type RestCall,
  readSessionToken,
  restFaults,
  setSessionCookie,
  siteOf,
  timeField,
  timeOf,
} from "@tandem/libs/gateway";
import { z } from "zod";
import { accessFaults } from "../faults.ts";
import { asPlatform, route } from "./services.ts";

const session = z
  .object({
    id: z.string(),
    user_id: z.string(),
    organisation_id: z.string(),
    roles: z.array(z.string()),
    permissions: z.array(z.string()),
    csrf_token: z
      .string()
      .meta({ description: "Send it as `x-tandem-csrf` with every change made by cookie." }),
  })
  .meta({ id: "Session" });

/** The token of the cookie by which the caller came. Throws `access.session_needed`. */
function sessionTokenOf(call: RestCall): string {
  const token = readSessionToken({ get: call.header }, call.isSecure);
  if (call.caller.via !== "session" || token === undefined) throw accessFaults.session_needed();
  return token;
}

export const sessionRoutes = [
  route({
    method: "POST",
    path: "/api/v1/sessions",
    operationId: "signIn",
    summary: "Sign in; the answer sets the session's cookie.",
    tag: "Sessions",
    access: "public",
    status: 201,
    faults: ["auth.sign_in_refused", "auth.sign_in_blocked", "auth.sign_in_busy", "auth.no_access"],
    body: z.strictObject({
      email: emailField,
      password: z.string().min(1).max(256),
      organisation_id: idField("org").optional(),
    }),
    reply: session.extend({ expires_at: timeField.nullable() }).meta({ id: "NewSession" }),
    async handle(call, { auth, csrfTokenOf, nowMs }) {
      // Nobody is signed in from another site, as somebody else, without noticing.
      if (siteOf({ get: call.header }, call.isSecure) === "other") {
        throw restFaults.cross_site_refused();
      }
      const { email, password, organisation_id: organisationId = "" } = call.body;
      const { remoteAddress } = call;
      const request = { email, password, organisationId, remoteAddress };
      const opened = await auth.signIn(request, asPlatform(call));
      const { identity, sessionToken: token } = opened;
      const maxAgeSeconds = (Number(opened.expiresAtMs) - nowMs()) / 1000;
      return {
        body: {
          id: identity?.sessionId ?? "",
          user_id: identity?.userId ?? "",
          organisation_id: identity?.organisationId ?? "",
          roles: identity?.roles ?? [],
          permissions: identity?.permissions ?? [],
          csrf_token: csrfTokenOf(token),
          expires_at: timeOf(opened.expiresAtMs),
        },
        headers: [
          ...setSessionCookie({ token, isSecure: call.isSecure, maxAgeSeconds }),
          ["cache-control", "no-store"],
        ],
      };
    },
  }),
  route({
    method: "GET",
    path: "/api/v1/sessions/current",
    operationId: "getSession",
    summary: "Read the session one is signed in with.",
    tag: "Sessions",
    access: "caller",
    reply: session,
    async handle(call, { csrfTokenOf }) {
      const token = sessionTokenOf(call);
      const { sessionId, userId, organisationId, roles } = call.caller.claims;
      return {
        body: {
          id: sessionId,
          user_id: userId,
          organisation_id: organisationId,
          roles: [...roles],
          permissions: [...call.caller.permissions],
          csrf_token: csrfTokenOf(token),
        },
      };
    },
  }),
  route({
    method: "DELETE",
    path: "/api/v1/sessions/current",
    operationId: "signOut",
    summary: "Sign out, everywhere at once.",
    tag: "Sessions",
    access: "caller",
    async handle(call, { auth }) {
      await auth.signOut({ sessionToken: sessionTokenOf(call) }, asPlatform(call));
      return { headers: clearSessionCookie(call.isSecure) };
    },
  }),
];

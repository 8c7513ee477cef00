/** All that the platform keeps about oneself, and the end of it. */
import {
  clearSessionCookie,
  emailField,
  type RestCall,
  timeField,
  timeOf,
} from "@tandem/libs/gateway";
import { z } from "zod";
import { accessFaults } from "../faults.ts";
import { entry, entryBody } from "./audit.ts";
import { invitation, invitationBody } from "./invitations.ts";
import { key, keyBody } from "./keys.ts";
import { person, personBody } from "./me.ts";
import { organisation, organisationBody } from "./organisations.ts";
import { type AccessServices, asCaller, asPlatform, route } from "./services.ts";
import { link, linkBody, openSession, sessionBody } from "./sign-in.ts";

const ownData = z
  .object({
    exported_at: timeField,
    person,
    memberships: z.array(
      z.object({
        organisation,
        role: z.string().meta({ description: "As invited." }),
        joined_at: timeField.nullable(),
        left_at: timeField.nullable(),
      }),
    ),
    invitations: z.array(invitation),
    roles: z.array(
      z.object({
        organisation_id: z.string(),
        role: z.string(),
        granted_at: timeField.nullable(),
      }),
    ),
    keys: z.array(key),
    sessions: z.array(openSession),
    links: z.array(link),
    password_changed_at: timeField.nullable(),
    audit: z.array(entry).meta({
      description: "What one did and what was done to one, newest first; ten thousand at most.",
    }),
  })
  .meta({ id: "OwnData" });

async function readOwnData(
  call: RestCall,
  { auth, users, nowMs }: AccessServices,
): Promise<z.input<typeof ownData>> {
  const { userId, sessionId } = call.caller.claims;
  const [known, access] = await Promise.all([
    users.exportPerson({ userId }, asCaller(call)),
    auth.exportPerson({ userId }, asCaller(call)),
  ]);
  if (known.user === undefined) throw new Error("users answered without the person");
  return {
    exported_at: new Date(nowMs()).toISOString(),
    person: personBody(known.user),
    memberships: known.memberships.flatMap(({ organisation: where, ...membership }) =>
      where === undefined
        ? []
        : [
            {
              organisation: organisationBody(where),
              role: membership.role,
              joined_at: timeOf(membership.joinedAtMs),
              left_at: timeOf(membership.leftAtMs),
            },
          ],
    ),
    invitations: known.invitations.map(invitationBody),
    roles: access.roles.map((grant) => ({
      organisation_id: grant.organisationId,
      role: grant.role,
      granted_at: timeOf(grant.grantedAtMs),
    })),
    keys: access.keys.map(keyBody),
    sessions: access.sessions.map((each) => sessionBody(each, sessionId)),
    links: access.links.map(linkBody),
    password_changed_at: timeOf(access.passwordChangedAtMs),
    audit: access.entries.map(entryBody),
  };
}

export const ownDataRoutes = [
  route({
    method: "GET",
    path: "/api/v1/me/export",
    operationId: "exportMe",
    summary: "Read all that the platform keeps about oneself.",
    description: "What one used is in the exports of usage, under the person's id.",
    tag: "Me",
    access: "caller",
    faults: ["access.session_needed"],
    reply: ownData,
    async handle(call, services) {
      if (call.caller.via !== "session") throw accessFaults.session_needed();
      return { body: await readOwnData(call, services), headers: [["cache-control", "no-store"]] };
    },
  }),
  route({
    method: "POST",
    path: "/api/v1/me/erasure",
    operationId: "eraseMe",
    summary: "Delete oneself: name, address, preferences, password, links, sessions and keys.",
    description:
      "At once and for good. What books and the audit log must keep stays, under an id that leads " +
      "to nobody. An organisation with other members needs another owner first; one without any " +
      "is closed. Repeat it after a broken answer.",
    tag: "Me",
    access: "caller",
    idempotency: "none",
    faults: [
      "access.session_needed",
      "access.not_confirmed",
      "auth.last_owner",
      "auth.last_platform_owner",
    ],
    body: z.strictObject({
      email: emailField.meta({ description: "One's own address, to confirm it." }),
    }),
    async handle(call, { auth, users }) {
      if (call.caller.via !== "session") throw accessFaults.session_needed();
      const { userId } = call.caller.claims;
      const { email } = await users.getUser({ id: userId }, asCaller(call));
      // Repeated after it broke off in the middle, the address is gone already.
      const isGone = email.endsWith(".invalid");
      if (!isGone && call.body.email.toLowerCase() !== email) throw accessFaults.not_confirmed();
      await auth.forgetPerson({ userId, onlyCheck: true }, asPlatform(call));
      // Access ends last: until then the same session can repeat what was broken off.
      await users.forgetPerson({ userId }, asPlatform(call));
      await auth.forgetPerson({ userId }, asPlatform(call));
      return { headers: clearSessionCookie(call.isSecure) };
    },
  }),
];

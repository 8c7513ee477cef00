/** Who one is, and one's own preferences. */
import type { User } from "@tandem/contracts/rpc/users/v1/users_pb";
import { lineField, timeField, timeOf } from "@tandem/libs/gateway";
import { z } from "zod";
import { accessFaults } from "../faults.ts";
import { organisation, organisationBody } from "./organisations.ts";
import { asCaller, route } from "./services.ts";
import { passwordField } from "./setup.ts";

export const person = z
  .object({
    id: z.string(),
    email: z.string(),
    name: z.string(),
    language: z.string().meta({ examples: ["en", "fr", "zh-Hans"] }),
    theme: z.string(),
    time_zone: z.string(),
    created_at: timeField.nullable(),
  })
  .meta({ id: "Person" });

export function personBody(user: User): z.input<typeof person> {
  return {
    id: user.id,
    email: user.email,
    name: user.name,
    language: user.language,
    theme: user.theme,
    time_zone: user.timeZone,
    created_at: timeOf(user.createdAtMs),
  };
}

const profileRoutes = [
  route({
    method: "GET",
    path: "/api/v1/me",
    operationId: "getMe",
    summary: "Read who one is and what one may do.",
    tag: "Me",
    access: "caller",
    stale: "caller",
    reply: z
      .object({
        via: z.enum(["key", "session"]),
        key_id: z.string().nullable(),
        person: person.nullable(),
        organisation,
        project_id: z.string().nullable(),
        roles: z.array(z.string()),
        scopes: z.array(z.string()),
        permissions: z.array(z.string()),
      })
      .meta({ id: "Me" }),
    async handle(call, { users }) {
      const { claims, via, permissions } = call.caller;
      const { organisationId, userId, keyId, projectId } = claims;
      const [user, own] = await Promise.all([
        userId === "" ? undefined : users.getUser({ id: userId }, asCaller(call)),
        users.getOrganisation({ id: organisationId }, asCaller(call)),
      ]);
      return {
        body: {
          via: via === "session" ? ("session" as const) : ("key" as const),
          key_id: keyId || null,
          person: user === undefined ? null : personBody(user),
          organisation: organisationBody(own),
          project_id: projectId || null,
          roles: [...claims.roles],
          scopes: [...claims.scopes],
          permissions: [...permissions],
        },
      };
    },
  }),
  route({
    method: "GET",
    path: "/api/v1/me/profile",
    operationId: "getProfile",
    summary: "Read one's name and preferences.",
    tag: "Me",
    access: "caller",
    stale: "caller",
    reply: person,
    async handle(call, { users }) {
      const { userId } = call.caller.claims;
      if (userId === "") throw accessFaults.person_needed();
      const user = await users.getUser({ id: userId }, asCaller(call));
      return { body: personBody(user), version: user.version };
    },
  }),
  route({
    method: "PATCH",
    path: "/api/v1/me/profile",
    operationId: "updateProfile",
    summary: "Change one's name and preferences.",
    tag: "Me",
    access: "caller",
    needsIfMatch: true,
    faults: ["users.malformed"],
    body: z.strictObject({
      name: lineField({ min: 0, max: 100 }).optional(),
      language: z.string().max(35).optional(),
      theme: z.enum(["light", "dark", "system"]).optional(),
      time_zone: z.string().max(64).optional(),
    }),
    reply: person,
    async handle(call, { users }) {
      const { userId } = call.caller.claims;
      if (userId === "") throw accessFaults.person_needed();
      const { body, expectedVersion } = call;
      const known = await users.getUser({ id: userId }, asCaller(call));
      const user = await users.updateUser(
        {
          user: {
            id: userId,
            name: body.name ?? known.name,
            language: body.language ?? known.language,
            theme: body.theme ?? known.theme,
            timeZone: body.time_zone ?? known.timeZone,
          },
          // What was not sent comes from the version just read: it must still be that one.
          expectedVersion: expectedVersion || known.version,
        },
        asCaller(call),
      );
      return { body: personBody(user), version: user.version };
    },
  }),
];

const passwordRoutes = [
  route({
    method: "PUT",
    path: "/api/v1/me/password",
    operationId: "changePassword",
    summary: "Change one's password; one's other sessions end.",
    tag: "Me",
    access: "caller",
    faults: ["auth.password_wrong", "auth.sign_in_blocked"],
    body: z.strictObject({
      current_password: z.string().max(256),
      password: passwordField,
    }),
    async handle(call, { auth }) {
      const { userId } = call.caller.claims;
      if (call.caller.via !== "session") throw accessFaults.session_needed();
      const { current_password: currentPassword, password } = call.body;
      await auth.setPassword({ userId, currentPassword, password }, asCaller(call));
      return {};
    },
  }),
];

export const meRoutes = [...profileRoutes, ...passwordRoutes];

/** How people come into an organisation: by a token that the inviter hands over. */
import type { Invitation } from "@tandem/contracts/rpc/users/v1/users_pb";
import {
  emailField,
  idField,
  lineField,
  pageOf,
  pageQuery,
  pageReply,
  timeField,
  timeOf,
} from "@tandem/libs/gateway";
import { z } from "zod";
import { accessFaults } from "../faults.ts";
import { roleField } from "./members.ts";
import { asCaller, asPlatform, idempotencyKeyOf, route } from "./services.ts";
import { passwordField } from "./setup.ts";

export const invitation = z
  .object({
    id: z.string(),
    email: z.string(),
    role: z.string(),
    created_at: timeField.nullable(),
    expires_at: timeField.nullable(),
    accepted_at: timeField.nullable(),
    revoked_at: timeField.nullable(),
  })
  .meta({ id: "Invitation" });

export function invitationBody(message: Invitation): z.input<typeof invitation> {
  return {
    id: message.id,
    email: message.email,
    role: message.role,
    created_at: timeOf(message.createdAtMs),
    expires_at: timeOf(message.expiresAtMs),
    accepted_at: timeOf(message.acceptedAtMs),
    revoked_at: timeOf(message.revokedAtMs),
  };
}

const tag = "Members";

const invitationListRoutes = [
  route({
    method: "GET",
    path: "/api/v1/invitations",
    operationId: "listInvitations",
    summary: "List invitations, newest first.",
    tag,
    access: { permission: "members:read" },
    query: pageQuery,
    reply: pageOf(invitation),
    async handle(call, { users }) {
      const { organisationId } = call.caller.claims;
      const request = { organisationId, ...call.query };
      const { invitations, hasMore } = await users.listInvitations(request, asCaller(call));
      return pageReply({
        items: invitations.map(invitationBody),
        hasMore,
        cursorOf: ({ id }) => id,
        target: call.target,
      });
    },
  }),
  route({
    method: "POST",
    path: "/api/v1/invitations",
    operationId: "createInvitation",
    summary: "Invite somebody; an earlier open invitation of the address is taken back.",
    tag,
    access: { permission: "members:write" },
    status: 201,
    faults: ["users.already_member", "auth.permission_missing"],
    body: z.strictObject({ email: emailField, role: roleField }),
    reply: invitation
      .extend({
        token: z.string().nullable().meta({
          description: "Shown once, to be handed over; null when it was shown and used already.",
        }),
      })
      .meta({ id: "NewInvitation" }),
    async handle(call, { auth, users }) {
      const { organisationId } = call.caller.claims;
      const { email, role } = call.body;
      const idempotencyKey = idempotencyKeyOf(call);
      const check = { organisationId, userId: "", role, onlyCheck: true };
      await auth.grantRole(check, asCaller(call));
      const request = { organisationId, email, role, idempotencyKey };
      const made = await users.createInvitation(request, asCaller(call));
      const { invitation: message } = made;
      if (message === undefined) throw new Error("users answered without the invitation");
      return {
        body: { ...invitationBody(message), token: made.token || null },
        headers: [["cache-control", "no-store"]],
      };
    },
  }),
  route({
    method: "DELETE",
    path: "/api/v1/invitations/:invitation_id",
    operationId: "revokeInvitation",
    summary: "Take an invitation back.",
    tag,
    access: { permission: "members:write", visibleWith: "members:read" },
    faults: ["users.invitation_closed"],
    params: z.strictObject({ invitation_id: idField("inv") }),
    async handle(call, { users }) {
      const { organisationId } = call.caller.claims;
      const id = call.params.invitation_id;
      await users.revokeInvitation({ organisationId, id }, asCaller(call));
      return {};
    },
  }),
];

const acceptance = z
  .object({ organisation_id: z.string(), user_id: z.string(), role: z.string() })
  .meta({ id: "Acceptance" });

const acceptanceRoutes = [
  route({
    method: "POST",
    path: "/api/v1/invitations/accept",
    operationId: "acceptInvitation",
    summary: "Join an organisation with the token of an invitation.",
    description:
      "Who has no account yet gets one with this password; who has one gives the password it " +
      "has. Repeat it after a broken answer: the same token finishes the same acceptance.",
    tag,
    access: "public",
    status: 201,
    faults: ["users.invitation_refused", "auth.password_wrong", "auth.sign_in_first"],
    body: z.strictObject({
      token: z.string().min(1).max(256),
      name: lineField({ max: 100 }),
      password: passwordField,
    }),
    reply: acceptance,
    async handle(call, { auth, users }) {
      const { token, name, password } = call.body;
      const joined = await users.acceptInvitation({ token, name }, asPlatform(call));
      const { organisationId, userId, role } = joined;
      // The password first: an invitation alone must not open an account that exists already.
      const change = { userId, password, currentPassword: password };
      await auth.setPassword(change, asPlatform(call));
      await auth.grantRole({ organisationId, userId, role }, asPlatform(call));
      await users.completeInvitation({ token }, asPlatform(call));
      return { body: { organisation_id: organisationId, user_id: userId, role } };
    },
  }),
];

const ownAcceptanceRoutes = [
  route({
    method: "POST",
    path: "/api/v1/me/invitations/accept",
    operationId: "acceptOwnInvitation",
    summary: "Join another organisation as the person one is signed in as.",
    description: "The invitation must be of one's own e-mail address.",
    tag: "Me",
    access: "caller",
    idempotency: "none",
    status: 201,
    faults: ["users.invitation_refused", "access.session_needed"],
    body: z.strictObject({ token: z.string().min(1).max(256) }),
    reply: acceptance,
    async handle(call, { auth, users }) {
      if (call.caller.via !== "session") throw accessFaults.session_needed();
      const { token } = call.body;
      const { userId } = call.caller.claims;
      const { organisationId, role } = await users.acceptInvitation(
        { token, userId },
        asPlatform(call),
      );
      await auth.grantRole({ organisationId, userId, role }, asPlatform(call));
      await users.completeInvitation({ token }, asPlatform(call));
      return { body: { organisation_id: organisationId, user_id: userId, role } };
    },
  }),
];

export const invitationRoutes = [
  ...invitationListRoutes,
  ...acceptanceRoutes,
  ...ownAcceptanceRoutes,
];

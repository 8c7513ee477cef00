/** Who belongs to the organisation, and in which roles. */
import { idField, pageOf, pageQuery, pageReply, timeField, timeOf } from "@tandem/libs/gateway";
import { z } from "zod";
import { asCaller, route } from "./services.ts";

const organisationRoles = ["owner", "admin", "finance", "operator", "developer", "viewer"] as const;
const platformRoles = ["platform:owner", "platform:operator", "platform:finance"] as const;

/** Of an organisation; what somebody can be invited as. */
export const roleField = z.enum(organisationRoles);

const member = z
  .object({
    user_id: z.string(),
    email: z.string(),
    name: z.string(),
    roles: z.array(z.string()),
    joined_at: timeField.nullable(),
  })
  .meta({ id: "Member" });

const roles = z
  .object({ user_id: z.string(), roles: z.array(z.string()) })
  .meta({ id: "MemberRoles" });

const rolePlace = z.strictObject({
  user_id: idField("usr"),
  role: z.enum([...organisationRoles, ...platformRoles]),
});
const writeOne = { permission: "members:write", visibleWith: "members:read" } as const;
const changeRole = {
  permission: ["members:write", "operators:write"],
  visibleWith: "members:read",
} as const;
const tag = "Members";

const memberListRoutes = [
  route({
    method: "GET",
    path: "/api/v1/members",
    operationId: "listMembers",
    summary: "List the organisation's members and their roles.",
    tag,
    access: { permission: "members:read" },
    stale: "organisation",
    query: pageQuery,
    reply: pageOf(member),
    async handle(call, { auth, users }) {
      const { organisationId } = call.caller.claims;
      const [page, { grants }] = await Promise.all([
        users.listMembers({ organisationId, ...call.query }, asCaller(call)),
        auth.listRoles({ organisationId }, asCaller(call)),
      ]);
      const rolesOf = Map.groupBy(grants, ({ userId }) => userId);
      return pageReply({
        items: page.members.map((entry) => ({
          user_id: entry.userId,
          email: entry.email,
          name: entry.name,
          roles: (rolesOf.get(entry.userId) ?? []).map(({ role }) => role),
          joined_at: timeOf(entry.joinedAtMs),
        })),
        hasMore: page.hasMore,
        cursorOf: ({ user_id }) => user_id,
        target: call.target,
      });
    },
  }),
  route({
    method: "DELETE",
    path: "/api/v1/members/:user_id",
    operationId: "removeMember",
    summary: "Remove a member; its keys and sessions in the organisation end.",
    tag,
    access: writeOne,
    faults: ["auth.permission_missing", "auth.last_owner", "auth.last_platform_owner"],
    params: z.strictObject({ user_id: idField("usr") }),
    async handle(call, { auth, users }) {
      const { organisationId } = call.caller.claims;
      const { user_id: userId } = call.params;
      // Access ends first: broken off here, a member without power is left, and not the reverse.
      await auth.revokeRole({ organisationId, userId, role: "" }, asCaller(call));
      await users.removeMember({ organisationId, userId }, asCaller(call));
      return {};
    },
  }),
];

const roleRoutes = [
  route({
    method: "PUT",
    path: "/api/v1/members/:user_id/roles/:role",
    operationId: "grantRole",
    summary: "Give a member a role. Nobody gives more than they have.",
    tag,
    access: changeRole,
    faults: ["auth.permission_missing", "auth.platform_role_elsewhere"],
    params: rolePlace,
    reply: roles,
    async handle(call, { auth, users }) {
      const { organisationId } = call.caller.claims;
      const { user_id: userId, role } = call.params;
      // Only members have roles: throws for anybody else.
      await users.getUser({ id: userId }, asCaller(call));
      await auth.grantRole({ organisationId, userId, role }, asCaller(call));
      const { grants } = await auth.listRoles({ organisationId, userId }, asCaller(call));
      return { body: { user_id: userId, roles: grants.map((grant) => grant.role) } };
    },
  }),
  route({
    method: "DELETE",
    path: "/api/v1/members/:user_id/roles/:role",
    operationId: "revokeRole",
    summary: "Take a role from a member. Without the last one its keys and sessions end.",
    tag,
    access: changeRole,
    faults: ["auth.permission_missing", "auth.last_owner", "auth.last_platform_owner"],
    params: rolePlace,
    reply: roles,
    async handle(call, { auth, users }) {
      const { organisationId } = call.caller.claims;
      const { user_id: userId, role } = call.params;
      await users.getUser({ id: userId }, asCaller(call));
      await auth.revokeRole({ organisationId, userId, role }, asCaller(call));
      const { grants } = await auth.listRoles({ organisationId, userId }, asCaller(call));
      return { body: { user_id: userId, roles: grants.map((grant) => grant.role) } };
    },
  }),
];

export const memberRoutes = [...memberListRoutes, ...roleRoutes];

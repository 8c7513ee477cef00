/** The organisations one belongs to. */
import type { Organisation } from "@tandem/contracts/rpc/users/v1/users_pb";
import {
  emailField,
  idField,
  lineField,
  type RestCall,
  timeField,
  timeOf,
} from "@tandem/libs/gateway";
import { z } from "zod";
import { accessFaults } from "../faults.ts";
import { type AccessServices, asCaller, asPlatform, idempotencyKeyOf, route } from "./services.ts";

export const organisation = z
  .object({ id: z.string(), name: z.string(), created_at: timeField.nullable() })
  .meta({ id: "Organisation" });

export function organisationBody(message: Organisation): z.input<typeof organisation> {
  return { id: message.id, name: message.name, created_at: timeOf(message.createdAtMs) };
}

const place = z.strictObject({ organisation_id: idField("org") });
const nameBody = z.strictObject({ name: lineField({ max: 100 }) });

const readRoutes = [
  route({
    method: "GET",
    path: "/api/v1/organisations",
    operationId: "listOrganisations",
    summary: "List the organisations one belongs to.",
    tag: "Organisations",
    access: { permission: "organisation:read" },
    stale: "caller",
    reply: z.object({ data: z.array(organisation) }),
    async handle(call, { users }) {
      const { userId, organisationId } = call.caller.claims;
      if (userId === "") {
        const own = await users.getOrganisation({ id: organisationId }, asCaller(call));
        return { body: { data: [organisationBody(own)] } };
      }
      const { organisations } = await users.listOrganisations({ userId }, asCaller(call));
      return { body: { data: organisations.map(organisationBody) } };
    },
  }),
  route({
    method: "GET",
    path: "/api/v1/organisations/:organisation_id",
    operationId: "getOrganisation",
    summary: "Read an organisation.",
    tag: "Organisations",
    access: { permission: "organisation:read", visibleWith: "organisation:read" },
    stale: "caller",
    params: place,
    reply: organisation,
    async handle(call, { users }) {
      const { organisation_id: id } = call.params;
      const found = await users.getOrganisation({ id }, asCaller(call));
      return { body: organisationBody(found), version: found.version };
    },
  }),
];

async function becomeOwner(
  call: RestCall,
  { auth, users }: AccessServices,
  organisationId: string,
): Promise<null> {
  const { userId } = call.caller.claims;
  const { email } = await users.getUser({ id: userId }, asCaller(call));
  await users.createUser({ organisationId, email, name: "", role: "owner" }, asPlatform(call));
  await auth.grantRole({ organisationId, userId, role: "owner" }, asPlatform(call));
  return null;
}

async function inviteOwner(
  call: RestCall,
  { users }: AccessServices,
  { organisationId, email }: { readonly organisationId: string; readonly email: string },
): Promise<string | null> {
  const invitation = { organisationId, email, role: "owner", idempotencyKey: "first" };
  const { token } = await users.createInvitation(invitation, asPlatform(call));
  return token === "" ? null : token;
}

const writeRoutes = [
  route({
    method: "POST",
    path: "/api/v1/organisations",
    operationId: "createOrganisation",
    summary: "Found an organisation, for oneself or for somebody else, as the platform.",
    description:
      "Without `owner_email` the caller becomes its owner. With it that address is invited as " +
      "owner, by the token in the answer, and the caller stays outside.",
    tag: "Platform",
    access: { permission: "organisations:create" },
    status: 201,
    idempotency: "required",
    faults: ["access.person_needed"],
    body: nameBody.extend({ owner_email: emailField.optional() }),
    reply: organisation
      .extend({
        project_id: z.string(),
        invitation_token: z.string().nullable().meta({ description: "Shown once." }),
      })
      .meta({ id: "NewOrganisation" }),
    async handle(call, services) {
      const { name, owner_email: ownerEmail } = call.body;
      const { userId } = call.caller.claims;
      if (userId === "" && ownerEmail === undefined) throw accessFaults.person_needed();
      // Each step is made once for this key, so a repetition finishes what was broken off.
      const idempotencyKey = idempotencyKeyOf(call);
      const made = await services.users.createOrganisation(
        { name, idempotencyKey },
        asPlatform(call),
      );
      const { id: organisationId } = made;
      const project = await services.users.createProject(
        { organisationId, name: "Default", idempotencyKey: "first" },
        asPlatform(call),
      );
      const invitationToken =
        ownerEmail === undefined
          ? await becomeOwner(call, services, organisationId)
          : await inviteOwner(call, services, { organisationId, email: ownerEmail });
      return {
        body: {
          ...organisationBody(made),
          project_id: project.id,
          invitation_token: invitationToken,
        },
        version: made.version,
        headers: [["cache-control", "no-store"]],
      };
    },
  }),
  route({
    method: "PATCH",
    path: "/api/v1/organisations/:organisation_id",
    operationId: "updateOrganisation",
    summary: "Rename an organisation.",
    tag: "Organisations",
    access: { permission: "organisation:write", visibleWith: "organisation:read" },
    needsIfMatch: true,
    params: place,
    body: nameBody,
    reply: organisation,
    async handle(call, { users }) {
      const wanted = { id: call.params.organisation_id, name: call.body.name };
      const changed = await users.updateOrganisation(
        { organisation: wanted, expectedVersion: call.expectedVersion },
        asCaller(call),
      );
      return { body: organisationBody(changed), version: changed.version };
    },
  }),
];

export const organisationRoutes = [...readRoutes, ...writeRoutes];

/** The organisations one belongs to. */
import type { Organisation } from "@tandem/contracts/rpc/users/v1/users_pb";
import { idField, lineField, timeField, timeOf } from "@tandem/libs/gateway";
import { z } from "zod";
import { accessFaults } from "../faults.ts";
import { asCaller, asPlatform, idempotencyKeyOf, route } from "./services.ts";

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

const writeRoutes = [
  route({
    method: "POST",
    path: "/api/v1/organisations",
    operationId: "createOrganisation",
    summary: "Found another organisation; the caller becomes its owner.",
    tag: "Organisations",
    access: { permission: "organisations:create" },
    status: 201,
    idempotency: "required",
    faults: ["access.person_needed"],
    body: nameBody,
    reply: organisation.extend({ project_id: z.string() }).meta({ id: "NewOrganisation" }),
    async handle(call, { auth, users }) {
      const { userId } = call.caller.claims;
      if (userId === "") throw accessFaults.person_needed();
      const { email } = await users.getUser({ id: userId }, asCaller(call));
      // Each step is made once for this key, so a repetition finishes what was broken off.
      const idempotencyKey = idempotencyKeyOf(call);
      const request = { name: call.body.name, idempotencyKey };
      const made = await users.createOrganisation(request, asPlatform(call));
      const { id: organisationId } = made;
      const owner = { organisationId, email, name: "", role: "owner" };
      await users.createUser(owner, asPlatform(call));
      const project = await users.createProject(
        { organisationId, name: "Default", idempotencyKey: "first" },
        asPlatform(call),
      );
      await auth.grantRole({ organisationId, userId, role: "owner" }, asPlatform(call));
      return {
        body: { ...organisationBody(made), project_id: project.id },
        version: made.version,
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

/** Projects: what keys, limits and usage are grouped by. */
import type { Project } from "@tandem/contracts/rpc/users/v1/users_pb";
import {
  idField,
  lineField,
  pageOf,
  pageQuery,
  pageReply,
  timeField,
  timeOf,
} from "@tandem/libs/gateway";
import { z } from "zod";
import { asCaller, idempotencyKeyOf, route } from "./services.ts";

const project = z
  .object({
    id: z.string(),
    name: z.string(),
    created_at: timeField.nullable(),
    archived_at: timeField.nullable(),
  })
  .meta({ id: "Project" });

function projectBody(message: Project): z.input<typeof project> {
  return {
    id: message.id,
    name: message.name,
    created_at: timeOf(message.createdAtMs),
    archived_at: timeOf(message.archivedAtMs),
  };
}

const place = z.strictObject({ project_id: idField("prj") });
const readOne = { permission: "projects:read", visibleWith: "projects:read" } as const;
const writeOne = { permission: "projects:write", visibleWith: "projects:read" } as const;
const tag = "Projects";

const readRoutes = [
  route({
    method: "GET",
    path: "/api/v1/projects",
    operationId: "listProjects",
    summary: "List the organisation's projects, newest first.",
    tag,
    access: { permission: "projects:read" },
    stale: "organisation",
    query: pageQuery,
    reply: pageOf(project),
    async handle(call, { users }) {
      const { organisationId } = call.caller.claims;
      const request = { organisationId, ...call.query };
      const { projects, hasMore } = await users.listProjects(request, asCaller(call));
      return pageReply({
        items: projects.map(projectBody),
        hasMore,
        cursorOf: ({ id }) => id,
        target: call.target,
      });
    },
  }),
  route({
    method: "GET",
    path: "/api/v1/projects/:project_id",
    operationId: "getProject",
    summary: "Read a project.",
    tag,
    access: readOne,
    stale: "organisation",
    params: place,
    reply: project,
    async handle(call, { users }) {
      const { organisationId } = call.caller.claims;
      const request = { organisationId, id: call.params.project_id };
      const found = await users.getProject(request, asCaller(call));
      return { body: projectBody(found), version: found.version };
    },
  }),
];

const writeRoutes = [
  route({
    method: "POST",
    path: "/api/v1/projects",
    operationId: "createProject",
    summary: "Create a project.",
    tag,
    access: { permission: "projects:write" },
    status: 201,
    body: z.strictObject({ name: lineField({ max: 100 }) }),
    reply: project,
    async handle(call, { users }) {
      const { organisationId } = call.caller.claims;
      const idempotencyKey = idempotencyKeyOf(call);
      const request = { organisationId, name: call.body.name, idempotencyKey };
      const made = await users.createProject(request, asCaller(call));
      return { body: projectBody(made), version: made.version };
    },
  }),
  route({
    method: "PATCH",
    path: "/api/v1/projects/:project_id",
    operationId: "updateProject",
    summary: "Rename a project, archive it, or bring it back.",
    tag,
    access: writeOne,
    needsIfMatch: true,
    params: place,
    body: z.strictObject({
      name: lineField({ max: 100 }).optional(),
      archived: z.boolean().optional(),
    }),
    reply: project,
    async handle(call, { users }) {
      const { organisationId } = call.caller.claims;
      const { body, expectedVersion, params } = call;
      const id = params.project_id;
      const known = await users.getProject({ organisationId, id }, asCaller(call));
      const isArchived = body.archived ?? known.archivedAtMs !== 0n;
      const wanted = {
        id,
        organisationId,
        name: body.name ?? known.name,
        archivedAtMs: isArchived ? 1n : 0n,
      };
      const changed = await users.updateProject(
        // What was not sent comes from the version just read: it must still be that one.
        { project: wanted, expectedVersion: expectedVersion || known.version },
        asCaller(call),
      );
      return { body: projectBody(changed), version: changed.version };
    },
  }),
];

export const projectRoutes = [...readRoutes, ...writeRoutes];

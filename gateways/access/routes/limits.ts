/** Limits of rate and concurrency, for an organisation or a part of it. */
import type { Limit, Subject } from "@tandem/contracts/rpc/quota/v1/quota_pb";
import { idField, type RestCall, restFaults } from "@tandem/libs/gateway";
import { Fault } from "@tandem/libs/kernel";
import { z } from "zod";
import { accessFaults } from "../faults.ts";
import { type AccessServices, asCaller, recordIntent, route } from "./services.ts";

/** What a limit or budget is of; what is left out stands for any. */
export const subjectShape = {
  project_id: idField("prj").nullable().default(null),
  user_id: idField("usr").nullable().default(null),
  key_id: idField("key").nullable().default(null),
  model: z.string().min(1).max(128).nullable().default(null),
};

/** As the contract has it; an organisation's own id is never taken from a request. */
export function subjectOf(
  organisationId: string,
  body: z.output<z.ZodObject<typeof subjectShape>>,
) {
  return {
    organisationId,
    projectId: body.project_id ?? "",
    userId: body.user_id ?? "",
    keyId: body.key_id ?? "",
    model: body.model ?? "",
  };
}

export function subjectBody(subject: Subject | undefined) {
  return {
    project_id: subject?.projectId || null,
    user_id: subject?.userId || null,
    key_id: subject?.keyId || null,
    model: subject?.model || null,
  };
}

/** "Is at another version" means, for something new, that there is one already. */
export function existsAlready(error: unknown): unknown {
  if (!Fault.is(error) || error.reason !== "quota.version_mismatch") return error;
  return accessFaults.limit_exists({ cause: error });
}

const amountField = z.int().min(0).max(1_000_000_000_000);
const kindField = z.enum(["requests", "tokens", "concurrency"]);

const limit = z
  .object({
    id: z.string(),
    project_id: z.string().nullable(),
    user_id: z.string().nullable(),
    key_id: z.string().nullable(),
    model: z.string().nullable(),
    kind: z.string(),
    amount: z.int(),
    window_seconds: z.int(),
  })
  .meta({ id: "Limit" });

function limitBody(message: Limit): z.input<typeof limit> {
  return {
    id: message.id,
    ...subjectBody(message.subject),
    kind: message.kind,
    amount: Number(message.amount),
    window_seconds: Math.round(message.windowMs / 1_000),
  };
}

/** The limit with this id. Throws `rest.not_found`. */
async function findLimit(call: RestCall, { quota }: AccessServices, id: string): Promise<Limit> {
  const { organisationId } = call.caller.claims;
  const { limits } = await quota.listLimits({ organisationId }, asCaller(call));
  const found = limits.find((entry) => entry.id === id);
  if (found === undefined) throw restFaults.not_found();
  return found;
}

const readLimits = { permission: "limits:read" } as const;
const writeLimit = { permission: "limits:write", visibleWith: "limits:read" } as const;
const place = z.strictObject({ limit_id: idField("lim") });
const tag = "Limits";

const readRoutes = [
  route({
    method: "GET",
    path: "/api/v1/limits",
    operationId: "listLimits",
    summary: "List the organisation's limits.",
    tag,
    access: readLimits,
    reply: z.object({ data: z.array(limit) }),
    async handle(call, { quota }) {
      const { organisationId } = call.caller.claims;
      const { limits } = await quota.listLimits({ organisationId }, asCaller(call));
      return { body: { data: limits.map(limitBody) } };
    },
  }),
  route({
    method: "GET",
    path: "/api/v1/limits/:limit_id",
    operationId: "getLimit",
    summary: "Read a limit.",
    tag,
    access: { permission: "limits:read", visibleWith: "limits:read" },
    params: place,
    reply: limit,
    async handle(call, services) {
      const found = await findLimit(call, services, call.params.limit_id);
      return { body: limitBody(found), version: found.version };
    },
  }),
];

const writeRoutes = [
  route({
    method: "POST",
    path: "/api/v1/limits",
    operationId: "createLimit",
    summary: "Limit requests, tokens or concurrency of an organisation or a part of it.",
    tag,
    access: { permission: "limits:write" },
    status: 201,
    faults: ["access.limit_exists", "quota.malformed"],
    body: z.strictObject({
      ...subjectShape,
      kind: kindField,
      amount: amountField,
      window_seconds: z
        .int()
        .min(1)
        .max(31 * 86_400)
        .default(60)
        .meta({ description: "In which the amount refills; not looked at for concurrency." }),
    }),
    reply: limit,
    async handle(call, services) {
      const { body } = call;
      const { organisationId } = call.caller.claims;
      const wanted = {
        subject: subjectOf(organisationId, body),
        kind: body.kind,
        amount: BigInt(body.amount),
        windowMs: body.kind === "concurrency" ? 0 : body.window_seconds * 1_000,
      };
      const target = organisationId;
      await recordIntent(call, services, { action: "limit.created", target, after: body });
      try {
        const made = await services.quota.setLimit({ limit: wanted }, asCaller(call));
        return { body: limitBody(made), version: made.version };
      } catch (error) {
        throw existsAlready(error);
      }
    },
  }),
  route({
    method: "PUT",
    path: "/api/v1/limits/:limit_id",
    operationId: "updateLimit",
    summary: "Change how much a limit allows; in force within a second.",
    tag,
    access: writeLimit,
    needsIfMatch: true,
    params: place,
    body: z.strictObject({ amount: amountField }),
    reply: limit,
    async handle(call, services) {
      const target = call.params.limit_id;
      const known = await findLimit(call, services, target);
      const { amount } = call.body;
      await recordIntent(call, services, { action: "limit.updated", target, after: { amount } });
      const changed = await services.quota.setLimit(
        {
          limit: { ...known, amount: BigInt(amount) },
          expectedVersion: call.expectedVersion || known.version,
        },
        asCaller(call),
      );
      return { body: limitBody(changed), version: changed.version };
    },
  }),
  route({
    method: "DELETE",
    path: "/api/v1/limits/:limit_id",
    operationId: "deleteLimit",
    summary: "Remove a limit.",
    tag,
    access: writeLimit,
    needsIfMatch: true,
    params: place,
    async handle(call, services) {
      const { organisationId } = call.caller.claims;
      const { expectedVersion } = call;
      const id = call.params.limit_id;
      await findLimit(call, services, id);
      await recordIntent(call, services, { action: "limit.deleted", target: id });
      await services.quota.deleteLimit({ organisationId, id, expectedVersion }, asCaller(call));
      return {};
    },
  }),
];

export const limitRoutes = [...readRoutes, ...writeRoutes];

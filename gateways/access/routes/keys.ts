/** API keys: what programs show to be let in. */
import type { CreateKeyResponse, Key } from "@tandem/contracts/rpc/auth/v1/auth_pb";
import {
  idField,
  lineField,
  pageOf,
  pageQueryWith,
  pageReply,
  timeField,
  timeInput,
  timeOf,
} from "@tandem/libs/gateway";
import { priorities, priorityDefault, priorityName, priorityOf } from "@tandem/libs/kernel";
import { z } from "zod";
import { asCaller, idempotencyKeyOf, route } from "./services.ts";

const scopes = [
  "inference",
  "models:read",
  "manage:read",
  "manage:write",
  "admin",
  "platform",
] as const;
const scopeField = z.enum(scopes);
const endpointField = z.enum(["chat", "completions", "embeddings", "models", "balance"]);

export const key = z
  .object({
    id: z.string(),
    project_id: z.string().nullable(),
    user_id: z.string().nullable(),
    name: z.string(),
    display: z.string().meta({ description: "How the newest secret begins, and its last four." }),
    scopes: z.array(z.string()),
    allowed_models: z.array(z.string()),
    allowed_endpoints: z.array(z.string()),
    allowed_addresses: z.array(z.string()),
    priority: z.enum(priorities),
    state: z.enum(["active", "expired", "revoked"]),
    created_at: timeField.nullable(),
    expires_at: timeField.nullable(),
    revoked_at: timeField.nullable(),
    last_used_at: timeField.nullable(),
  })
  .meta({ id: "Key" });

const keyWithSecret = key
  .extend({
    secret: z.string().nullable().meta({
      description:
        "Shown once. Null when this request was answered before and the secret is in use.",
    }),
  })
  .meta({ id: "KeyWithSecret" });

const limitsShape = {
  allowed_models: z
    .array(z.string().max(129))
    .max(64)
    .meta({ description: "Ids, or prefixes ending in `*`. Empty: all." }),
  allowed_endpoints: z.array(endpointField).max(64).meta({ description: "Empty: all." }),
  allowed_addresses: z
    .array(z.string().max(64))
    .max(64)
    .meta({ description: "Addresses and CIDR ranges. Empty: from everywhere." }),
  priority: z.enum(priorities).meta({
    description:
      "How much its requests matter when there is more to do than can be done, at most: a request " +
      "may name a lower one in `x-tandem-priority`. `critical` needs `allowances:write`.",
  }),
};

const place = z.strictObject({ key_id: idField("key") });
const mayRead = ["keys:read", "keys:own"] as const;
const mayWrite = ["keys:write", "keys:own"] as const;
const tag = "Keys";

export function keyBody(message: Key): z.input<typeof key> {
  const { state } = message;
  return {
    id: message.id,
    project_id: message.projectId || null,
    user_id: message.userId || null,
    name: message.name,
    display: message.display,
    scopes: message.scopes,
    allowed_models: message.allowedModels,
    allowed_endpoints: message.allowedEndpoints,
    allowed_addresses: message.allowedAddresses,
    priority: priorityName(priorityOf(message.priority) ?? priorityDefault),
    state: state === "revoked" || state === "expired" ? state : "active",
    created_at: timeOf(message.createdAtMs),
    expires_at: timeOf(message.expiresAtMs),
    revoked_at: timeOf(message.revokedAtMs),
    last_used_at: timeOf(message.lastUsedAtMs),
  };
}

function secretReply({ key: message, secret }: CreateKeyResponse) {
  if (message === undefined) throw new Error("auth answered without the key");
  return {
    body: { ...keyBody(message), secret: secret || null },
    version: message.version,
    headers: [["cache-control", "no-store"]] as const,
  };
}

const readRoutes = [
  route({
    method: "GET",
    path: "/api/v1/keys",
    operationId: "listKeys",
    summary: "List keys, newest first: everybody's, or one's own.",
    tag,
    access: { permission: mayRead },
    query: pageQueryWith({ project_id: idField("prj").optional() }),
    reply: pageOf(key),
    async handle(call, { auth }) {
      const { organisationId } = call.caller.claims;
      const { limit, after, project_id: projectId = "" } = call.query;
      const request = { organisationId, projectId, limit, after };
      const { keys, hasMore } = await auth.listKeys(request, asCaller(call));
      return pageReply({
        items: keys.map(keyBody),
        hasMore,
        cursorOf: ({ id }) => id,
        target: call.target,
      });
    },
  }),
  route({
    method: "GET",
    path: "/api/v1/keys/:key_id",
    operationId: "getKey",
    summary: "Read a key; never its secret.",
    tag,
    access: { permission: mayRead, visibleWith: "keys:read" },
    params: place,
    reply: key,
    async handle(call, { auth }) {
      const { organisationId } = call.caller.claims;
      const found = await auth.getKey({ organisationId, id: call.params.key_id }, asCaller(call));
      return { body: keyBody(found), version: found.version };
    },
  }),
];

const createRoutes = [
  route({
    method: "POST",
    path: "/api/v1/keys",
    operationId: "createKey",
    summary: "Create a key. Its secret is in the answer and nowhere else.",
    tag,
    access: { permission: mayWrite },
    status: 201,
    faults: ["auth.key_malformed", "auth.key_scope_beyond", "auth.key_priority_beyond"],
    body: z.strictObject({
      name: lineField({ max: 100 }),
      project_id: idField("prj").optional(),
      owner: z.enum(["me", "nobody"]).default("me").meta({
        description: "A key of nobody in particular outlives the person who made it.",
      }),
      scopes: z.array(scopeField).min(1).max(scopes.length).default(["inference"]),
      allowed_models: limitsShape.allowed_models.default([]),
      allowed_endpoints: limitsShape.allowed_endpoints.default([]),
      allowed_addresses: limitsShape.allowed_addresses.default([]),
      priority: limitsShape.priority.default("default"),
      expires_at: timeInput.optional(),
    }),
    reply: keyWithSecret,
    async handle(call, { auth, users }) {
      const { body } = call;
      const { organisationId, userId } = call.caller.claims;
      const projectId = body.project_id ?? "";
      // A key of another organisation's project would be counted there: throws for one.
      if (projectId !== "") {
        await users.getProject({ organisationId, id: projectId }, asCaller(call));
      }
      const made = await auth.createKey(
        {
          organisationId,
          projectId,
          userId: body.owner === "me" ? userId : "",
          name: body.name,
          scopes: body.scopes,
          allowedModels: body.allowed_models,
          allowedEndpoints: body.allowed_endpoints,
          allowedAddresses: body.allowed_addresses,
          priority: body.priority,
          expiresAtMs: body.expires_at ?? 0n,
          idempotencyKey: idempotencyKeyOf(call),
        },
        asCaller(call),
      );
      return secretReply(made);
    },
  }),
  route({
    method: "POST",
    path: "/api/v1/keys/:key_id/rotate",
    operationId: "rotateKey",
    summary: "Give a key a second secret; the one before works on for the overlap.",
    tag,
    access: { permission: mayWrite, visibleWith: "keys:read" },
    status: 201,
    faults: ["auth.key_not_active", "auth.key_scope_beyond"],
    params: place,
    body: z.strictObject({
      overlap_seconds: z.int().min(0).max(86_400).default(3_600).meta({
        description: "0 ends the old secret now.",
      }),
    }),
    reply: keyWithSecret,
    async handle(call, { auth }) {
      const { organisationId } = call.caller.claims;
      const rotated = await auth.rotateKey(
        {
          organisationId,
          id: call.params.key_id,
          overlapMs: call.body.overlap_seconds * 1_000,
          idempotencyKey: idempotencyKeyOf(call),
        },
        asCaller(call),
      );
      return secretReply(rotated);
    },
  }),
];

const changeRoutes = [
  route({
    method: "PATCH",
    path: "/api/v1/keys/:key_id",
    operationId: "updateKey",
    summary: "Change what a key is called and may do; in force everywhere within 100 ms.",
    tag,
    access: { permission: mayWrite, visibleWith: "keys:read" },
    needsIfMatch: true,
    faults: [
      ...["auth.key_malformed", "auth.key_scope_beyond", "auth.key_priority_beyond"],
      "auth.key_not_active",
    ],
    params: place,
    body: z.strictObject({
      name: lineField({ max: 100 }).optional(),
      scopes: z.array(scopeField).min(1).max(scopes.length).optional(),
      allowed_models: limitsShape.allowed_models.optional(),
      allowed_endpoints: limitsShape.allowed_endpoints.optional(),
      allowed_addresses: limitsShape.allowed_addresses.optional(),
      priority: limitsShape.priority.optional(),
      expires_at: timeInput.nullable().optional(),
    }),
    reply: key,
    async handle(call, { auth }) {
      const { organisationId } = call.caller.claims;
      const { body, expectedVersion } = call;
      const id = call.params.key_id;
      const known = await auth.getKey({ organisationId, id }, asCaller(call));
      const expiresAtMs = body.expires_at === undefined ? known.expiresAtMs : body.expires_at;
      const changed = await auth.updateKey(
        {
          key: {
            ...known,
            name: body.name ?? known.name,
            scopes: body.scopes ?? known.scopes,
            allowedModels: body.allowed_models ?? known.allowedModels,
            allowedEndpoints: body.allowed_endpoints ?? known.allowedEndpoints,
            allowedAddresses: body.allowed_addresses ?? known.allowedAddresses,
            priority: body.priority ?? known.priority,
            expiresAtMs: expiresAtMs ?? 0n,
          },
          // What was not sent comes from the version just read: it must still be that one.
          expectedVersion: expectedVersion || known.version,
        },
        asCaller(call),
      );
      return { body: keyBody(changed), version: changed.version };
    },
  }),
  route({
    method: "DELETE",
    path: "/api/v1/keys/:key_id",
    operationId: "revokeKey",
    summary: "Revoke a key for good; refused everywhere within 100 ms.",
    tag,
    access: { permission: mayWrite, visibleWith: "keys:read" },
    params: place,
    status: 200,
    reply: key,
    async handle(call, { auth }) {
      const { organisationId } = call.caller.claims;
      const request = { organisationId, id: call.params.key_id };
      return { body: keyBody(await auth.revokeKey(request, asCaller(call))) };
    },
  }),
];

export const keyRoutes = [...readRoutes, ...createRoutes, ...changeRoutes];

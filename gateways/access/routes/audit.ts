/** Who did what. */
import type { AuditEntry } from "@tandem/contracts/rpc/auth/v1/auth_pb";
import { integerQuery, pageOf, pageReply, timeField, timeOf } from "@tandem/libs/gateway";
import { z } from "zod";
import { asCaller, route } from "./services.ts";

export const entry = z
  .object({
    sequence: z.string(),
    at: timeField.nullable(),
    actor: z.string().meta({ description: "A person, a key, or both as `usr_…/key_…`." }),
    action: z.string().meta({ examples: ["key.created"] }),
    target: z.string(),
    before: z.unknown(),
    after: z.unknown(),
    request_id: z.string(),
    hash: z.string().meta({ description: "SHA-256 over this entry and the hash before, hex." }),
  })
  .meta({ id: "AuditEntry" });

function readJson(text: string): unknown {
  return text === "" ? null : (JSON.parse(text) as unknown);
}

export function entryBody(message: AuditEntry): z.input<typeof entry> {
  return {
    sequence: String(message.sequence),
    at: timeOf(message.atMs),
    actor: message.actor,
    action: message.action,
    target: message.target,
    before: readJson(message.beforeJson),
    after: readJson(message.afterJson),
    request_id: message.requestId,
    hash: Buffer.from(message.hash).toString("hex"),
  };
}

const access = { permission: "audit:read" } as const;
const tag = "Audit";

export const auditRoutes = [
  route({
    method: "GET",
    path: "/api/v1/audit",
    operationId: "listAudit",
    summary: "List the organisation's audit entries, newest first.",
    tag,
    access,
    query: z.strictObject({
      limit: integerQuery({ min: 1, max: 100, default: 20 }),
      after: z
        .string()
        .regex(/^[0-9]{1,18}$/, "must be the `last_id` of the page before")
        .optional(),
    }),
    reply: pageOf(entry),
    async handle(call, { auth }) {
      const { organisationId } = call.caller.claims;
      const { limit, after = "0" } = call.query;
      const request = { organisationId, limit, beforeSequence: BigInt(after) };
      const { entries, hasMore } = await auth.listAudit(request, asCaller(call));
      return pageReply({
        items: entries.map(entryBody),
        hasMore,
        cursorOf: ({ sequence }) => sequence,
        target: call.target,
      });
    },
  }),
  route({
    method: "GET",
    path: "/api/v1/audit/verify",
    operationId: "verifyAudit",
    summary: "Recompute the audit log's chain of hashes.",
    tag,
    access,
    reply: z.object({
      ok: z.boolean(),
      entries: z.string(),
      broken_at_sequence: z.string().nullable(),
    }),
    async handle(call, { auth }) {
      const verdict = await auth.verifyAudit({}, asCaller(call));
      const broken = verdict.brokenAtSequence;
      return {
        body: {
          ok: verdict.ok,
          entries: String(verdict.entries),
          broken_at_sequence: broken === 0n ? null : String(broken),
        },
      };
    },
  }),
];

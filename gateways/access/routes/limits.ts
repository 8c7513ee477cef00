/** Rate limits and budgets, for an organisation or a part of it. */
import type { Budget, Limit, Subject } from "@tandem/contracts/rpc/quota/v1/quota_pb";
import { amountInput, moneyField, moneyOf, timeField, timeOf } from "@tandem/libs/gateway";
import { z } from "zod";
import { asCaller, route } from "./services.ts";

const subjectShape = {
  project_id: z.string().max(64).default(""),
  user_id: z.string().max(64).default(""),
  key_id: z.string().max(64).default(""),
  model: z.string().max(128).default(""),
};

const limitInput = z.strictObject({
  ...subjectShape,
  id: z.string().max(64).default("").meta({ description: "Of one to change; empty for another." }),
  kind: z.enum(["requests", "tokens", "concurrency"]),
  amount: z.int().min(0).max(1_000_000_000_000),
  window_seconds: z
    .int()
    .min(0)
    .max(31 * 86_400)
    .default(60)
    .meta({ description: "In which the amount refills; without meaning for concurrency." }),
});

const limit = limitInput.extend({ version: z.string() }).meta({ id: "Limit" });

const budgetInput = z.strictObject({
  ...subjectShape,
  id: z.string().max(64).default(""),
  amount: amountInput,
  period: z.enum(["day", "month", "total"]),
});

const budget = z
  .strictObject({
    ...subjectShape,
    id: z.string(),
    amount: moneyField,
    spent: moneyField,
    held: moneyField,
    period: z.string(),
    resets_at: timeField.nullable(),
    version: z.string(),
  })
  .meta({ id: "Budget" });

const readLimits = { permission: "limits:read" } as const;
const writeLimits = { permission: "limits:write", visibleWith: "limits:read" } as const;

const limitEntryRoutes = [
  route({
    method: "GET",
    path: "/api/v1/limits",
    operationId: "listLimits",
    summary: "List the organisation's limits.",
    tag: "Limits",
    access: readLimits,
    reply: z.strictObject({ data: z.array(limit) }),
    handle: async (call, { quota }) => {
      const { organisationId } = call.caller.claims;
      const { limits } = await quota.listLimits({ organisationId }, asCaller(call));
      return { body: { data: limits.map(limitFromMessage) } };
    },
  }),
  route({
    method: "POST",
    path: "/api/v1/limits",
    operationId: "setLimit",
    summary: "Set a limit of requests, tokens or concurrency.",
    tag: "Limits",
    access: writeLimits,
    status: 201,
    body: limitInput,
    reply: limit,
    handle: async (call, { quota }) => {
      const { body } = call;
      const stored = await quota.setLimit(
        {
          limit: {
            id: body.id,
            subject: subjectFromBody(call.caller.claims.organisationId, body),
            kind: body.kind,
            amount: BigInt(body.amount),
            windowMs: body.kind === "concurrency" ? 0 : body.window_seconds * 1_000,
          },
        },
        asCaller(call),
      );
      return { body: limitFromMessage(stored) };
    },
  }),
  route({
    method: "DELETE",
    path: "/api/v1/limits/:limit_id",
    operationId: "deleteLimit",
    summary: "Remove a limit.",
    tag: "Limits",
    access: writeLimits,
    params: z.strictObject({ limit_id: z.string().max(64) }),
    handle: async (call, { quota }) => {
      const { organisationId } = call.caller.claims;
      await quota.deleteLimit({ organisationId, id: call.params.limit_id }, asCaller(call));
      return {};
    },
  }),
];

const budgetRoutes = [
  route({
    method: "GET",
    path: "/api/v1/budgets",
    operationId: "listBudgets",
    summary: "List the organisation's budgets and what is spent of them.",
    tag: "Limits",
    access: readLimits,
    reply: z.strictObject({ data: z.array(budget) }),
    handle: async (call, { quota }) => {
      const { organisationId } = call.caller.claims;
      const { currency } = await quota.getBalance({ organisationId }, asCaller(call));
      const { budgets } = await quota.listBudgets({ organisationId }, asCaller(call));
      return { body: { data: budgets.map((entry) => budgetFromMessage(entry, currency)) } };
    },
  }),
  route({
    method: "POST",
    path: "/api/v1/budgets",
    operationId: "setBudget",
    summary: "Set how much may be spent in a day, a month or altogether.",
    tag: "Limits",
    access: writeLimits,
    status: 201,
    body: budgetInput,
    reply: budget,
    handle: async (call, { quota }) => {
      const { body } = call;
      const { organisationId } = call.caller.claims;
      const { currency } = await quota.getBalance({ organisationId }, asCaller(call));
      const stored = await quota.setBudget(
        {
          budget: {
            id: body.id,
            subject: subjectFromBody(organisationId, body),
            nanos: body.amount,
            period: body.period,
          },
        },
        asCaller(call),
      );
      return { body: budgetFromMessage(stored, currency) };
    },
  }),
  route({
    method: "DELETE",
    path: "/api/v1/budgets/:budget_id",
    operationId: "deleteBudget",
    summary: "Remove a budget.",
    tag: "Limits",
    access: writeLimits,
    params: z.strictObject({ budget_id: z.string().max(64) }),
    handle: async (call, { quota }) => {
      const { organisationId } = call.caller.claims;
      await quota.deleteBudget({ organisationId, id: call.params.budget_id }, asCaller(call));
      return {};
    },
  }),
];

export const limitRoutes = [...limitEntryRoutes, ...budgetRoutes];

interface SubjectBody {
  readonly project_id: string;
  readonly user_id: string;
  readonly key_id: string;
  readonly model: string;
}

function subjectFromBody(organisationId: string, body: SubjectBody) {
  return {
    organisationId,
    projectId: body.project_id,
    userId: body.user_id,
    keyId: body.key_id,
    model: body.model,
  };
}

function bodyFromSubject(subject: Subject | undefined): SubjectBody {
  return {
    project_id: subject?.projectId ?? "",
    user_id: subject?.userId ?? "",
    key_id: subject?.keyId ?? "",
    model: subject?.model ?? "",
  };
}

function limitFromMessage(message: Limit): z.input<typeof limit> {
  const kind = limitInput.shape.kind.safeParse(message.kind);
  return {
    ...bodyFromSubject(message.subject),
    id: message.id,
    kind: kind.success ? kind.data : "requests",
    amount: Number(message.amount),
    window_seconds: Math.round(message.windowMs / 1_000),
    version: message.version.toString(),
  };
}

function budgetFromMessage(message: Budget, currency: string): z.input<typeof budget> {
  const money = (nanos: bigint) => moneyOf(nanos, currency === "" ? "USD" : currency);
  return {
    ...bodyFromSubject(message.subject),
    id: message.id,
    amount: money(message.nanos),
    spent: money(message.spentNanos),
    held: money(message.heldNanos),
    period: message.period,
    resets_at: timeOf(message.resetsAtMs),
    version: message.version.toString(),
  };
}

/** Who is near a limit, and which budgets have been warned of. */
import type { BudgetWarning, Load } from "@tandem/contracts/rpc/quota/v1/quota_pb";
import {
  integerQuery,
  moneyField,
  moneyOf,
  pageOf,
  pageQuery,
  pageReply,
  type RestCall,
  type RestReply,
  type Route,
  timeField,
  timeOf,
} from "@tandem/libs/gateway";
import { z } from "zod";
import { type AccessServices, asCaller, route } from "../services.ts";
import { budget, budgetBody, currencyOf } from "./budgets.ts";
import { limit, limitBody } from "./limits.ts";
import { subjectBody, subjectReply } from "./subject.ts";

const load = z
  .object({
    organisation_id: z.string(),
    limit: limit.nullable().meta({ description: "Of rate or concurrency; null for a budget." }),
    budget: budget.nullable(),
    used_percent: z.number(),
    used: z.int().nullable().meta({
      description: "Requests, tokens or places; null for a budget, which says it by itself.",
    }),
    resets_at: timeField
      .nullable()
      .meta({ description: "When it is whole again if nothing more is asked for." }),
  })
  .meta({ id: "Load" });

const loads = z.object({
  data: z.array(load),
  is_complete: z.boolean().meta({
    description: "False where there are more organisations than were looked at.",
  }),
});

function loadBody({ of, used, resetsAtMs, currency }: Load): z.input<typeof load> | undefined {
  const resets_at = timeOf(resetsAtMs);
  if (of.case === "limit") {
    const { subject, inForce } = of.value;
    const percent = inForce === 0n ? 100 : Number((used * 10_000n) / inForce) / 100;
    return {
      organisation_id: subject?.organisationId ?? "",
      ...{ limit: limitBody(of.value), budget: null },
      ...{ used_percent: percent, used: Number(used), resets_at },
    };
  }
  if (of.case !== "budget") return undefined;
  const body = budgetBody(of.value, currency);
  return {
    organisation_id: of.value.subject?.organisationId ?? "",
    ...{ limit: null, budget: body, used_percent: body.used_percent, used: null, resets_at },
  };
}

const query = z.strictObject({
  near: integerQuery({ min: 0, max: 100, default: 0 }),
  limit: integerQuery({ min: 1, max: 200, default: 50 }),
  scope: z
    .enum(["organisation", "project", "user", "key", "model"])
    .optional()
    .meta({ description: "Only limits and budgets of these, by their narrowest field." }),
});

async function listLoads(
  call: RestCall<unknown, z.output<typeof query>>,
  { quota }: AccessServices,
  organisationId: string,
): Promise<RestReply<z.input<typeof loads>>> {
  const { near, limit: most, scope = "" } = call.query;
  const asked = { organisationId, percentMin: near, limit: most, scope };
  const found = await quota.listLoads(asked, asCaller(call));
  const data = found.loads.map(loadBody).filter((entry) => entry !== undefined);
  return {
    body: { data, is_complete: !found.partial },
    ...(found.degraded && { degraded: "limits" }),
  };
}

const description =
  "Every limit and budget with what is used of it now, the fullest first: of the organisation, its " +
  "projects, people, keys and models. With `near` those alone of which so many percent are used. " +
  "What gateways have leased counts as used.";

const warning = z
  .object({
    id: z.string(),
    budget_id: z.string(),
    ...subjectReply,
    mode: z.string(),
    period: z.string(),
    period_key: z.string().meta({ examples: ["2026-11"] }),
    percent: z.int().meta({ description: "The threshold that was reached." }),
    spent: moneyField,
    amount: moneyField.meta({ description: "Of the budget at that moment." }),
    at: timeField.nullable(),
  })
  .meta({ id: "BudgetWarning" });

function warningBody(message: BudgetWarning, currency: string): z.input<typeof warning> {
  return {
    id: message.id,
    budget_id: message.budgetId,
    ...subjectBody(message.subject),
    mode: message.soft ? "soft" : "hard",
    period: message.period,
    period_key: message.periodKey,
    percent: message.percent,
    spent: moneyOf(message.spentNanos, currency),
    amount: moneyOf(message.nanos, currency),
    at: timeOf(message.atMs),
  };
}

export const loadRoutes: readonly Route<AccessServices>[] = [
  route({
    method: "GET",
    path: "/api/v1/limits/usage",
    operationId: "listLoads",
    summary: "List who is near a limit.",
    description,
    tag: "Limits",
    access: { permission: "limits:read" },
    query,
    reply: loads,
    handle: (call, services) => listLoads(call, services, call.caller.claims.organisationId),
  }),
  route({
    method: "GET",
    path: "/api/v1/platform/limits/usage",
    operationId: "listLoadsOfAll",
    summary: "List who is near a limit, over all organisations.",
    description,
    tag: "Platform",
    access: { permission: "organisations:read" },
    query,
    reply: loads,
    handle: (call, services) => listLoads(call, services, ""),
  }),
  route({
    method: "GET",
    path: "/api/v1/budgets/warnings",
    operationId: "listBudgetWarnings",
    summary: "List thresholds of budgets that were reached, newest first.",
    description: "Each threshold once a period, of soft budgets and of hard ones.",
    tag: "Limits",
    access: { permission: "limits:read" },
    query: pageQuery,
    reply: pageOf(warning),
    async handle(call, services) {
      const { organisationId } = call.caller.claims;
      const currency = await currencyOf(call, services, organisationId);
      const { warnings, hasMore } = await services.quota.listBudgetWarnings(
        { organisationId, limit: call.query.limit, after: call.query.after },
        asCaller(call),
      );
      return pageReply({
        items: warnings.map((entry) => warningBody(entry, currency)),
        hasMore,
        cursorOf: (item) => item.id,
        target: call.target,
      });
    },
  }),
];

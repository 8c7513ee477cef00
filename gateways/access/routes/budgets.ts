/** Budgets: how much may be spent in a day, a month, or altogether. */
import type { Budget } from "@tandem/contracts/rpc/quota/v1/quota_pb";
import {
  amountInput,
  idField,
  integerQuery,
  moneyField,
  moneyOf,
  type RestCall,
  restFaults,
  timeField,
  timeOf,
} from "@tandem/libs/gateway";
import { formatNanos } from "@tandem/libs/kernel";
import { z } from "zod";
import { existsAlready, subjectBody, subjectOf, subjectShape } from "./limits.ts";
import { type AccessServices, asCaller, recordIntent, route } from "./services.ts";

const budget = z
  .object({
    id: z.string(),
    project_id: z.string().nullable(),
    user_id: z.string().nullable(),
    key_id: z.string().nullable(),
    model: z.string().nullable(),
    amount: moneyField,
    spent: moneyField,
    held: moneyField.meta({ description: "By requests under way." }),
    used_percent: z.number(),
    period: z.string(),
    resets_at: timeField.nullable(),
  })
  .meta({ id: "Budget" });

function budgetBody(message: Budget, currency: string): z.input<typeof budget> {
  return {
    id: message.id,
    ...subjectBody(message.subject),
    amount: moneyOf(message.nanos, currency),
    spent: moneyOf(message.spentNanos, currency),
    held: moneyOf(message.heldNanos, currency),
    used_percent: usedPercent(message),
    period: message.period,
    resets_at: timeOf(message.resetsAtMs),
  };
}

/** The wallet's currency; an organisation that never had credit has none yet. */
export async function currencyOf(
  call: RestCall,
  { quota, initialCredit }: AccessServices,
): Promise<string> {
  const { organisationId } = call.caller.claims;
  const balance = await quota.getBalance({ organisationId }, asCaller(call));
  return balance.currency || initialCredit.currency;
}

/** The budget with this id. Throws `rest.not_found`. */
async function findBudget(call: RestCall, { quota }: AccessServices, id: string): Promise<Budget> {
  const { organisationId } = call.caller.claims;
  const { budgets } = await quota.listBudgets({ organisationId }, asCaller(call));
  const found = budgets.find((entry) => entry.id === id);
  if (found === undefined) throw restFaults.not_found();
  return found;
}

const writeBudget = { permission: "limits:write", visibleWith: "limits:read" } as const;
const place = z.strictObject({ budget_id: idField("bdg") });
const tag = "Limits";

/** How full a budget is, in percent: spent, and held by requests under way. */
function usedPercent({ nanos, spentNanos, heldNanos }: Budget): number {
  const used = spentNanos + heldNanos;
  if (nanos === 0n) return 100;
  return Number((used * 10_000n) / nanos) / 100;
}

function nearest(budgets: readonly Budget[], percent: number): readonly Budget[] {
  if (percent === 0) return budgets;
  return budgets
    .filter((entry) => usedPercent(entry) >= percent)
    .sort((left, right) => usedPercent(right) - usedPercent(left));
}

const readRoutes = [
  route({
    method: "GET",
    path: "/api/v1/budgets",
    operationId: "listBudgets",
    summary: "List the organisation's budgets and what is spent of them.",
    description:
      "With `near` those alone of which at least that many percent are used, fullest first.",
    tag,
    access: { permission: "limits:read" },
    query: z.strictObject({ near: integerQuery({ min: 0, max: 100, default: 0 }) }),
    reply: z.object({ data: z.array(budget) }),
    async handle(call, services) {
      const { organisationId } = call.caller.claims;
      const [currency, { budgets }] = await Promise.all([
        currencyOf(call, services),
        services.quota.listBudgets({ organisationId }, asCaller(call)),
      ]);
      return {
        body: {
          data: nearest(budgets, call.query.near).map((entry) => budgetBody(entry, currency)),
        },
      };
    },
  }),
  route({
    method: "GET",
    path: "/api/v1/budgets/:budget_id",
    operationId: "getBudget",
    summary: "Read a budget and what is spent of it.",
    tag,
    access: { permission: "limits:read", visibleWith: "limits:read" },
    params: place,
    reply: budget,
    async handle(call, services) {
      const currency = await currencyOf(call, services);
      const found = await findBudget(call, services, call.params.budget_id);
      return { body: budgetBody(found, currency), version: found.version };
    },
  }),
];

const writeRoutes = [
  route({
    method: "POST",
    path: "/api/v1/budgets",
    operationId: "createBudget",
    summary: "Set how much may be spent in a day, a month or altogether.",
    tag,
    access: { permission: "limits:write" },
    status: 201,
    faults: ["access.limit_exists", "quota.malformed"],
    body: z.strictObject({
      ...subjectShape,
      amount: amountInput,
      period: z.enum(["day", "month", "total"]),
    }),
    reply: budget,
    async handle(call, services) {
      const { body } = call;
      const { organisationId } = call.caller.claims;
      const wanted = {
        subject: subjectOf(organisationId, body),
        nanos: body.amount,
        period: body.period,
      };
      const currency = await currencyOf(call, services);
      const after = { ...body, amount: formatNanos(body.amount) };
      await recordIntent(call, services, {
        action: "budget.created",
        target: organisationId,
        after,
      });
      try {
        const made = await services.quota.setBudget({ budget: wanted }, asCaller(call));
        return { body: budgetBody(made, currency), version: made.version };
      } catch (error) {
        throw existsAlready(error);
      }
    },
  }),
  route({
    method: "PUT",
    path: "/api/v1/budgets/:budget_id",
    operationId: "updateBudget",
    summary: "Change how much a budget allows.",
    tag,
    access: writeBudget,
    needsIfMatch: true,
    params: place,
    body: z.strictObject({ amount: amountInput }),
    reply: budget,
    async handle(call, services) {
      const target = call.params.budget_id;
      const known = await findBudget(call, services, target);
      const { amount: nanos } = call.body;
      const currency = await currencyOf(call, services);
      const after = { amount: formatNanos(nanos) };
      await recordIntent(call, services, { action: "budget.updated", target, after });
      const changed = await services.quota.setBudget(
        {
          budget: { ...known, nanos },
          expectedVersion: call.expectedVersion || known.version,
        },
        asCaller(call),
      );
      return { body: budgetBody(changed, currency), version: changed.version };
    },
  }),
  route({
    method: "DELETE",
    path: "/api/v1/budgets/:budget_id",
    operationId: "deleteBudget",
    summary: "Remove a budget; what was spent under it stays in the ledger.",
    tag,
    access: writeBudget,
    needsIfMatch: true,
    params: place,
    async handle(call, services) {
      const { organisationId } = call.caller.claims;
      const { expectedVersion } = call;
      const id = call.params.budget_id;
      await findBudget(call, services, id);
      await recordIntent(call, services, { action: "budget.deleted", target: id });
      await services.quota.deleteBudget({ organisationId, id, expectedVersion }, asCaller(call));
      return {};
    },
  }),
];

export const budgetRoutes = [...readRoutes, ...writeRoutes];

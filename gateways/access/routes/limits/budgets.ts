/** Budgets: how much may be spent in a day, a month, or altogether. */
import type { Budget } from "@tandem/contracts/rpc/quota/v1/quota_pb";
import {
  amountInput,
  idField,
  integerQuery,
  moneyField,
  moneyOf,
  type RestCall,
  type Route,
  restFaults,
  timeField,
  timeOf,
} from "@tandem/libs/gateway";
import { formatNanos } from "@tandem/libs/kernel";
import { z } from "zod";
import { type AccessServices, asCaller, asPlatform, recordIntent, route } from "../services.ts";
import { raiseBody, raiseInput, raiseReply, setByField } from "./raise.ts";
import {
  existsAlready,
  ownView,
  platformView,
  subjectBody,
  subjectOf,
  subjectReply,
  subjectShape,
  type View,
} from "./subject.ts";

export const budget = z
  .object({
    id: z.string(),
    ...subjectReply,
    amount: moneyField,
    in_force: moneyField.meta({
      description: "What it allows now: more than `amount` while raised.",
    }),
    spent: moneyField,
    held: moneyField.meta({ description: "By requests under way." }),
    used_percent: z.number(),
    period: z.string(),
    resets_at: timeField.nullable(),
    mode: z.string().meta({ description: "`hard` refuses what is beyond it; `soft` only warns." }),
    warn_at_percent: z.array(z.int()),
    set_by: setByField,
    raise: raiseReply(moneyField),
  })
  .meta({ id: "Budget" });

export function budgetBody(message: Budget, currency: string): z.input<typeof budget> {
  return {
    id: message.id,
    ...subjectBody(message.subject),
    amount: moneyOf(message.nanos, currency),
    in_force: moneyOf(message.inForceNanos, currency),
    spent: moneyOf(message.spentNanos, currency),
    held: moneyOf(message.heldNanos, currency),
    used_percent: usedPercent(message),
    period: message.period,
    resets_at: timeOf(message.resetsAtMs),
    mode: message.soft ? "soft" : "hard",
    warn_at_percent: message.warnAtPercent,
    set_by: message.setBy || "organisation",
    raise: raiseBody(message.raise, (nanos) => moneyOf(nanos, currency)),
  };
}

/** The wallet's currency; an organisation that never had credit has none yet. */
export async function currencyOf(
  call: RestCall,
  { quota, initialCredit }: AccessServices,
  organisationId: string,
): Promise<string> {
  const isOwn = organisationId === call.caller.claims.organisationId;
  // Of another organisation only who runs the platform gets here, and quota knows only its own.
  const balance = await quota.getBalance(
    { organisationId },
    isOwn ? asCaller(call) : asPlatform(call),
  );
  return balance.currency || initialCredit.currency;
}

interface Found {
  readonly organisationId: string;
  readonly known: Budget;
  readonly currency: string;
}

/** The budget with this id. Throws `rest.not_found`. */
async function findBudget(call: RestCall, services: AccessServices, view: View): Promise<Found> {
  const organisationId = await view.organisationOf(call, services);
  const { budgets } = await services.quota.listBudgets({ organisationId }, asCaller(call));
  const { budget_id: id } = call.params as { readonly budget_id: string };
  const known = budgets.find((entry) => entry.id === id);
  if (known === undefined) throw restFaults.not_found();
  return { organisationId, known, currency: await currencyOf(call, services, organisationId) };
}

/** How full a budget is, in percent: spent, and held by requests under way. */
function usedPercent({ inForceNanos, spentNanos, heldNanos }: Budget): number {
  const used = spentNanos + heldNanos;
  if (inForceNanos === 0n) return 100;
  return Number((used * 10_000n) / inForceNanos) / 100;
}

function nearest(budgets: readonly Budget[], percent: number): readonly Budget[] {
  if (percent === 0) return budgets;
  return budgets
    .filter((entry) => usedPercent(entry) >= percent)
    .sort((left, right) => usedPercent(right) - usedPercent(left));
}

const thresholdsField = z
  .array(z.int().min(1).max(1_000))
  .max(8)
  .meta({ description: "Percent of it that are told of when they are spent, once a period." });

/** Says of a budget that is there what is about to be done with it. */
function recordChange(
  call: RestCall,
  services: AccessServices,
  change: {
    readonly view: View;
    readonly known: Budget;
    readonly what: string;
    readonly after?: object;
  },
): Promise<void> {
  const { view, known, what, after } = change;
  const action = view.actionOf(`budget.${what}`);
  const told = view === platformView ? { organisation_id: known.subject?.organisationId } : {};
  return recordIntent(call, services, { action, target: known.id, after: { ...told, ...after } });
}

function reads(view: View): readonly Route<AccessServices>[] {
  return [
    route({
      method: "GET",
      path: `${view.prefix}/budgets`,
      operationId: view.nameOf("listBudgets"),
      summary: `List ${view.whose} budgets and what is spent of them.`,
      description:
        "With `near` those alone of which at least that many percent are used, fullest first.",
      tag: view.tag,
      access: { permission: view.read.permission },
      ...(view === platformView && { params: z.strictObject(view.place) }),
      query: z.strictObject({ near: integerQuery({ min: 0, max: 100, default: 0 }) }),
      reply: z.object({ data: z.array(budget) }),
      async handle(call, services) {
        const organisationId = await view.organisationOf(call, services);
        const [currency, { budgets }] = await Promise.all([
          currencyOf(call, services, organisationId),
          services.quota.listBudgets({ organisationId }, asCaller(call)),
        ]);
        const shown = nearest(budgets, call.query.near);
        return { body: { data: shown.map((entry) => budgetBody(entry, currency)) } };
      },
    }),
    route({
      method: "GET",
      path: `${view.prefix}/budgets/:budget_id`,
      operationId: view.nameOf("getBudget"),
      summary: `Read one of ${view.whose} budgets and what is spent of it.`,
      tag: view.tag,
      access: view.read,
      params: z.strictObject({ ...view.place, budget_id: idField("bdg") }),
      reply: budget,
      async handle(call, services) {
        const { known, currency } = await findBudget(call, services, view);
        return { body: budgetBody(known, currency), version: known.version };
      },
    }),
  ];
}

function creation(view: View): Route<AccessServices> {
  return route({
    method: "POST",
    path: `${view.prefix}/budgets`,
    operationId: view.nameOf("createBudget"),
    summary:
      view === platformView
        ? "Set how much an organisation may spend, above all that it sets for itself."
        : "Set how much may be spent in a day, a month or altogether.",
    tag: view.tag,
    access: { permission: view.write.permission },
    status: 201,
    faults: ["access.limit_exists", "quota.malformed", "quota.above_allowance"],
    ...(view === platformView && { params: z.strictObject(view.place) }),
    body: z.strictObject({
      ...subjectShape,
      amount: amountInput,
      period: z.enum(["day", "month", "total"]),
      mode: z.enum(["hard", "soft"]).default("hard"),
      warn_at_percent: thresholdsField.default([80, 100]),
    }),
    reply: budget,
    async handle(call, services) {
      const { body } = call;
      const organisationId = await view.organisationOf(call, services);
      const wanted = {
        subject: subjectOf(organisationId, body),
        nanos: body.amount,
        period: body.period,
        soft: body.mode === "soft",
        warnAtPercent: body.warn_at_percent,
        setBy: view.setBy,
      };
      const currency = await currencyOf(call, services, organisationId);
      const after = { ...body, amount: formatNanos(body.amount) };
      const action = view.actionOf("budget.created");
      await recordIntent(call, services, { action, target: organisationId, after });
      try {
        const made = await services.quota.setBudget({ budget: wanted }, asCaller(call));
        return { body: budgetBody(made, currency), version: made.version };
      } catch (error) {
        throw existsAlready(error);
      }
    },
  });
}

function changes(view: View): readonly Route<AccessServices>[] {
  const { tag, setBy } = view;
  const params = z.strictObject({ ...view.place, budget_id: idField("bdg") });
  const common = { tag, access: view.write, needsIfMatch: true, params };
  return [
    route({
      ...common,
      method: "PUT",
      path: `${view.prefix}/budgets/:budget_id`,
      operationId: view.nameOf("updateBudget"),
      summary: `Change how much one of ${view.whose} budgets allows, and when it warns.`,
      faults: ["quota.locked", "quota.above_allowance", "quota.malformed"],
      body: z.strictObject({ amount: amountInput, warn_at_percent: thresholdsField.optional() }),
      reply: budget,
      async handle(call, services) {
        const { known, currency } = await findBudget(call, services, view);
        const { amount: nanos, warn_at_percent: warnAtPercent = known.warnAtPercent } = call.body;
        const after = { amount: formatNanos(nanos), warn_at_percent: warnAtPercent };
        await recordChange(call, services, { view, known, what: "updated", after });
        const changed = await services.quota.setBudget(
          {
            budget: { ...known, nanos, warnAtPercent, setBy },
            expectedVersion: call.expectedVersion || known.version,
          },
          asCaller(call),
        );
        return { body: budgetBody(changed, currency), version: changed.version };
      },
    }),
    route({
      ...common,
      method: "DELETE",
      path: `${view.prefix}/budgets/:budget_id`,
      operationId: view.nameOf("deleteBudget"),
      summary: `Remove one of ${view.whose} budgets; what was spent under it stays in the ledger.`,
      faults: ["quota.locked"],
      async handle(call, services) {
        const { organisationId, known } = await findBudget(call, services, view);
        await recordChange(call, services, { view, known, what: "deleted" });
        const { expectedVersion } = call;
        const removal = { organisationId, id: known.id, setBy, expectedVersion };
        await services.quota.deleteBudget(removal, asCaller(call));
        return {};
      },
    }),
  ];
}

function raises(view: View): readonly Route<AccessServices>[] {
  const { tag, setBy } = view;
  const params = z.strictObject({ ...view.place, budget_id: idField("bdg") });
  const common = { tag, access: view.write, needsIfMatch: true, params, reply: budget };
  const path = `${view.prefix}/budgets/:budget_id/raise`;
  return [
    route({
      ...common,
      method: "PUT",
      path,
      operationId: view.nameOf("raiseBudget"),
      summary: `Allow more for a time; one of ${view.whose} budgets is then what it was.`,
      faults: ["quota.locked", "quota.above_allowance", "quota.malformed"],
      body: z.strictObject({ amount: amountInput, ...raiseInput }),
      async handle(call, services) {
        const { organisationId, known, currency } = await findBudget(call, services, view);
        const { amount, until: untilMs, reason } = call.body;
        const until = new Date(Number(untilMs)).toISOString();
        const after = { amount: formatNanos(amount), until, reason };
        await recordChange(call, services, { view, known, what: "raised", after });
        const { expectedVersion } = call;
        const raised = await services.quota.raiseBudget(
          { organisationId, id: known.id, setBy, amount, untilMs, reason, expectedVersion },
          asCaller(call),
        );
        return { body: budgetBody(raised, currency), version: raised.version };
      },
    }),
    route({
      ...common,
      method: "DELETE",
      path,
      operationId: view.nameOf("endBudgetRaise"),
      summary: `End the raise of one of ${view.whose} budgets before its time.`,
      faults: ["quota.locked"],
      async handle(call, services) {
        const { organisationId, known, currency } = await findBudget(call, services, view);
        await recordChange(call, services, { view, known, what: "raise_ended" });
        const { expectedVersion } = call;
        const ending = { organisationId, id: known.id, setBy, expectedVersion };
        const ended = await services.quota.raiseBudget(ending, asCaller(call));
        return { body: budgetBody(ended, currency), version: ended.version };
      },
    }),
  ];
}

export const budgetRoutes = [ownView, platformView].flatMap((view) => [
  ...reads(view),
  creation(view),
  ...changes(view),
  ...raises(view),
]);

/** Limits of rate and concurrency, for an organisation or a part of it. */
import type { Limit } from "@tandem/contracts/rpc/quota/v1/quota_pb";
import { idField, type RestCall, type Route, restFaults } from "@tandem/libs/gateway";
import { z } from "zod";
import { type AccessServices, asCaller, recordIntent, route } from "../services.ts";
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

const amountField = z.int().min(0).max(1_000_000_000_000);
const kindField = z.enum(["requests", "tokens", "concurrency"]);

export const limit = z
  .object({
    id: z.string(),
    ...subjectReply,
    kind: z.string(),
    amount: z.int(),
    window_seconds: z.int(),
    in_force: z.int().meta({ description: "What it allows now: more than `amount` while raised." }),
    set_by: setByField,
    raise: raiseReply(z.int()),
  })
  .meta({ id: "Limit" });

export function limitBody(message: Limit): z.input<typeof limit> {
  return {
    id: message.id,
    ...subjectBody(message.subject),
    kind: message.kind,
    amount: Number(message.amount),
    window_seconds: Math.round(message.windowMs / 1_000),
    in_force: Number(message.inForce),
    set_by: message.setBy || "organisation",
    raise: raiseBody(message.raise, Number),
  };
}

interface Found {
  readonly organisationId: string;
  readonly known: Limit;
}

/** The limit with this id. Throws `rest.not_found`. */
async function findLimit(call: RestCall, services: AccessServices, view: View): Promise<Found> {
  const organisationId = await view.organisationOf(call, services);
  const { limits } = await services.quota.listLimits({ organisationId }, asCaller(call));
  const { limit_id: id } = call.params as { readonly limit_id: string };
  const known = limits.find((entry) => entry.id === id);
  if (known === undefined) throw restFaults.not_found();
  return { organisationId, known };
}

/** Says of a limit that is there what is about to be done with it. */
function recordChange(
  call: RestCall,
  services: AccessServices,
  change: {
    readonly view: View;
    readonly known: Limit;
    readonly what: string;
    readonly after?: object;
  },
): Promise<void> {
  const { view, known, what, after } = change;
  const action = view.actionOf(`limit.${what}`);
  const told = view === platformView ? { organisation_id: known.subject?.organisationId } : {};
  return recordIntent(call, services, { action, target: known.id, after: { ...told, ...after } });
}

function reads(view: View): readonly Route<AccessServices>[] {
  const place = z.strictObject({ ...view.place, limit_id: idField("lim") });
  return [
    route({
      method: "GET",
      path: `${view.prefix}/limits`,
      operationId: view.nameOf("listLimits"),
      summary: `List ${view.whose} limits, those that the platform sets among them.`,
      tag: view.tag,
      access: { permission: view.read.permission },
      ...(view === platformView && { params: z.strictObject(view.place) }),
      reply: z.object({ data: z.array(limit) }),
      async handle(call, services) {
        const organisationId = await view.organisationOf(call, services);
        const { limits } = await services.quota.listLimits({ organisationId }, asCaller(call));
        return { body: { data: limits.map(limitBody) } };
      },
    }),
    route({
      method: "GET",
      path: `${view.prefix}/limits/:limit_id`,
      operationId: view.nameOf("getLimit"),
      summary: `Read one of ${view.whose} limits.`,
      tag: view.tag,
      access: view.read,
      params: place,
      reply: limit,
      async handle(call, services) {
        const { known } = await findLimit(call, services, view);
        return { body: limitBody(known), version: known.version };
      },
    }),
  ];
}

function creation(view: View): Route<AccessServices> {
  return route({
    method: "POST",
    path: `${view.prefix}/limits`,
    operationId: view.nameOf("createLimit"),
    summary:
      view === platformView
        ? "Limit an organisation, or a part of it, above all that it sets for itself."
        : "Limit requests, tokens or concurrency of an organisation or a part of it.",
    tag: view.tag,
    access: { permission: view.write.permission },
    status: 201,
    faults: ["access.limit_exists", "quota.malformed", "quota.above_allowance"],
    ...(view === platformView && { params: z.strictObject(view.place) }),
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
      const organisationId = await view.organisationOf(call, services);
      const wanted = {
        subject: subjectOf(organisationId, body),
        kind: body.kind,
        amount: BigInt(body.amount),
        windowMs: body.kind === "concurrency" ? 0 : body.window_seconds * 1_000,
        setBy: view.setBy,
      };
      const target = organisationId;
      const action = view.actionOf("limit.created");
      await recordIntent(call, services, { action, target, after: body });
      try {
        const made = await services.quota.setLimit({ limit: wanted }, asCaller(call));
        return { body: limitBody(made), version: made.version };
      } catch (error) {
        throw existsAlready(error);
      }
    },
  });
}

function changes(view: View): readonly Route<AccessServices>[] {
  const { tag, setBy } = view;
  const params = z.strictObject({ ...view.place, limit_id: idField("lim") });
  const common = { tag, access: view.write, needsIfMatch: true, params };
  const refusals = ["quota.locked", "quota.above_allowance", "quota.malformed"];
  return [
    route({
      ...common,
      method: "PUT",
      path: `${view.prefix}/limits/:limit_id`,
      operationId: view.nameOf("updateLimit"),
      summary: `Change how much one of ${view.whose} limits allows; in force within a second.`,
      faults: refusals,
      body: z.strictObject({ amount: amountField }),
      reply: limit,
      async handle(call, services) {
        const { known } = await findLimit(call, services, view);
        const { amount } = call.body;
        await recordChange(call, services, { view, known, what: "updated", after: { amount } });
        const changed = await services.quota.setLimit(
          {
            limit: { ...known, amount: BigInt(amount), setBy },
            expectedVersion: call.expectedVersion || known.version,
          },
          asCaller(call),
        );
        return { body: limitBody(changed), version: changed.version };
      },
    }),
    route({
      ...common,
      method: "DELETE",
      path: `${view.prefix}/limits/:limit_id`,
      operationId: view.nameOf("deleteLimit"),
      summary: `Remove one of ${view.whose} limits.`,
      faults: ["quota.locked"],
      async handle(call, services) {
        const { organisationId, known } = await findLimit(call, services, view);
        const { id } = known;
        await recordChange(call, services, { view, known, what: "deleted" });
        const removal = { organisationId, id, setBy, expectedVersion: call.expectedVersion };
        await services.quota.deleteLimit(removal, asCaller(call));
        return {};
      },
    }),
  ];
}

function raises(view: View): readonly Route<AccessServices>[] {
  const { tag, setBy } = view;
  const params = z.strictObject({ ...view.place, limit_id: idField("lim") });
  const common = { tag, access: view.write, needsIfMatch: true, params, reply: limit };
  const path = `${view.prefix}/limits/:limit_id/raise`;
  return [
    route({
      ...common,
      method: "PUT",
      path,
      operationId: view.nameOf("raiseLimit"),
      summary: `Let more through for a time; one of ${view.whose} limits is then what it was.`,
      faults: ["quota.locked", "quota.above_allowance", "quota.malformed"],
      body: z.strictObject({ amount: amountField, ...raiseInput }),
      async handle(call, services) {
        const { organisationId, known } = await findLimit(call, services, view);
        const { amount, until: untilMs, reason } = call.body;
        const after = { amount, until: new Date(Number(untilMs)).toISOString(), reason };
        await recordChange(call, services, { view, known, what: "raised", after });
        const { expectedVersion } = call;
        const wanted = { organisationId, id: known.id, setBy, untilMs, reason, expectedVersion };
        const raised = await services.quota.raiseLimit(
          { ...wanted, amount: BigInt(amount) },
          asCaller(call),
        );
        return { body: limitBody(raised), version: raised.version };
      },
    }),
    route({
      ...common,
      method: "DELETE",
      path,
      operationId: view.nameOf("endLimitRaise"),
      summary: `End the raise of one of ${view.whose} limits before its time.`,
      faults: ["quota.locked"],
      async handle(call, services) {
        const { organisationId, known } = await findLimit(call, services, view);
        const { id } = known;
        await recordChange(call, services, { view, known, what: "raise_ended" });
        const ending = { organisationId, id, setBy, expectedVersion: call.expectedVersion };
        const ended = await services.quota.raiseLimit(ending, asCaller(call));
        return { body: limitBody(ended), version: ended.version };
      },
    }),
  ];
}

export const limitRoutes = [ownView, platformView].flatMap((view) => [
  ...reads(view),
  creation(view),
  ...changes(view),
  ...raises(view),
]);

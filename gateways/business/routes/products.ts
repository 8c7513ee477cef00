/** Plans and credit packs: the same routes for both, since both are credit with a price. */
import type { Product } from "@tandem/contracts/rpc/orders/v1/orders_pb";
import {
  amountInput,
  currencyField,
  idField,
  lineField,
  moneyField,
  moneyOf,
  pageOf,
  pageQuery,
  pageReply,
  type Route,
  timeField,
  timeOf,
} from "@tandem/libs/gateway";
import type { MessageInit } from "@tandem/libs/rpc";
import { z } from "zod";
import { asCaller, type BusinessServices, idempotencyKeyOf, route } from "./services.ts";

type Kind = "pack" | "plan";

const offer = z
  .object({
    id: z.string(),
    name: z.string(),
    description: z.string(),
    price: moneyField.meta({ description: "Without tax." }),
    tax_percent: z.string(),
    credit: moneyField.meta({ description: "What the wallet gets." }),
    valid_days: z.int().meta({ description: "From the payment; 0: for ever." }),
    is_for_all: z.boolean().meta({ description: "Offered to every organisation." }),
    version: z.string(),
    created_at: timeField.nullable(),
    archived_at: timeField.nullable(),
  })
  .meta({ id: "Offer" });

const taxInput = z
  .string()
  .regex(/^(100|[0-9]{1,2}(\.[0-9]{1,4})?)$/, 'must be a percentage like "19"')
  .transform(ppmOfPercent);

const daysInput = z.int().min(0).max(3_650);

const termsShape = {
  name: lineField({ max: 100 }),
  description: lineField({ min: 0, max: 500 }),
  price: amountInput,
  currency: currencyField,
  tax_percent: taxInput,
  credit: amountInput,
  credit_currency: currencyField,
  valid_days: daysInput,
};

const writeOffer = { permission: "packs:write" } as const;
const readOffer = { permission: "orders:read", visibleWith: "orders:read" } as const;

/** Percent with four digits, exactly, as millionths. */
function ppmOfPercent(percent: string): number {
  const [whole = "0", rest = ""] = percent.split(".");
  return Number(whole) * 10_000 + Number(rest.padEnd(4, "0"));
}

export function percentOfPpm(ppm: number): string {
  const rest = String(ppm % 10_000).padStart(4, "0");
  return `${Math.floor(ppm / 10_000)}.${rest}`.replace(/\.?0+$/, "");
}

function offerBody(message: Product): z.input<typeof offer> {
  return {
    id: message.id,
    name: message.name,
    description: message.description,
    price: moneyOf(message.priceNanos, message.currency),
    tax_percent: percentOfPpm(message.taxPpm),
    credit: moneyOf(message.creditNanos, message.creditCurrency),
    valid_days: message.validDays,
    is_for_all: message.organisationId === "",
    version: String(message.version),
    created_at: timeOf(message.createdAtMs),
    archived_at: timeOf(message.archivedAtMs),
  };
}

interface Words {
  readonly kind: Kind;
  readonly prefix: "pck" | "pln";
  readonly tag: string;
  readonly path: string;
  /** Of the id in a path. */
  readonly parameter: string;
  /** `Pack`, for the operations' names. */
  readonly noun: string;
  /** `a credit pack`. */
  readonly phrase: string;
}

/** A path's id, whatever its parameter is called. */
function placeOf({ parameter, prefix }: Words) {
  return z
    .strictObject({ [parameter]: idField(prefix) })
    .transform((fields) => ({ id: String(fields[parameter]) }));
}

function readRoutesFor(words: Words): readonly Route<BusinessServices>[] {
  const { kind, tag, path, parameter, noun, phrase } = words;
  return [
    route({
      method: "GET",
      path,
      operationId: `list${noun}s`,
      summary: `List every ${kind} that may be ordered, newest first.`,
      tag,
      access: { permission: "orders:read" },
      stale: "organisation",
      query: pageQuery,
      reply: pageOf(offer),
      async handle(call, { orders }) {
        const { organisationId } = call.caller.claims;
        const { limit, after } = call.query;
        const request = { organisationId, kind, limit, after };
        const { products, hasMore } = await orders.listProducts(request, asCaller(call));
        return pageReply({
          items: products.map(offerBody),
          hasMore,
          cursorOf: ({ id }) => id,
          target: call.target,
        });
      },
    }),
    route({
      method: "GET",
      path: `${path}/:${parameter}`,
      operationId: `get${noun}`,
      summary: `Read ${phrase}.`,
      tag,
      access: readOffer,
      stale: "organisation",
      params: placeOf(words),
      reply: offer,
      async handle(call, { orders }) {
        const { organisationId } = call.caller.claims;
        const { id } = call.params;
        const found = await orders.getProduct({ organisationId, id, kind }, asCaller(call));
        return { body: offerBody(found), version: found.version };
      },
    }),
    route({
      method: "GET",
      path: `${path}/:${parameter}/versions`,
      operationId: `list${noun}Versions`,
      summary: `List the versions of ${phrase}, newest first; orders keep theirs.`,
      tag,
      access: readOffer,
      stale: "organisation",
      params: placeOf(words),
      reply: z.object({ data: z.array(offer), has_more: z.boolean() }),
      async handle(call, { orders }) {
        const { organisationId } = call.caller.claims;
        const request = { organisationId, id: call.params.id, kind };
        const found = await orders.listProductVersions(request, asCaller(call));
        return { body: { data: found.products.map(offerBody), has_more: found.hasMore } };
      },
    }),
  ];
}

function writeRoutesFor(words: Words): readonly Route<BusinessServices>[] {
  const { kind, tag, path, parameter, noun, phrase } = words;
  return [
    route({
      method: "POST",
      path,
      operationId: `create${noun}`,
      summary: `Offer ${phrase}, to every organisation or to one.`,
      tag,
      access: { permission: "packs:write" },
      status: 201,
      faults: ["orders.malformed"],
      body: z.strictObject({
        ...termsShape,
        organisation_id: idField("org")
          .optional()
          .meta({ description: "The only one it is offered to; absent: all." }),
        description: termsShape.description.default(""),
        currency: currencyField.default("USD"),
        tax_percent: taxInput.default(0),
        credit_currency: currencyField.default("USD"),
        valid_days: daysInput.default(kind === "plan" ? 30 : 0),
      }),
      reply: offer,
      async handle(call, { orders }) {
        const organisationId = call.body.organisation_id ?? "";
        const product = { organisationId, kind, ...termsFromBody(call.body) };
        const request = { product, idempotencyKey: idempotencyKeyOf(call) };
        const made = await orders.createProduct(request, asCaller(call));
        return { body: offerBody(made), version: made.version };
      },
    }),
    route({
      method: "PATCH",
      path: `${path}/:${parameter}`,
      operationId: `update${noun}`,
      summary: `Change ${phrase}: its next version, which orders made before do not see.`,
      tag,
      access: writeOffer,
      needsIfMatch: true,
      faults: ["orders.malformed", "orders.product_of_settings", "orders.version_mismatch"],
      params: placeOf(words),
      body: z.strictObject({
        ...z.strictObject(termsShape).partial().shape,
        archived: z.boolean().optional(),
      }),
      reply: offer,
      async handle(call, { orders }) {
        const { organisationId } = call.caller.claims;
        const { body, expectedVersion } = call;
        const { id } = call.params;
        const known = await orders.getProduct({ organisationId, id, kind }, asCaller(call));
        const isArchived = body.archived ?? known.archivedAtMs !== 0n;
        const changed = await orders.updateProduct(
          {
            product: {
              ...known,
              ...termsFromBody(body),
              archivedAtMs: isArchived ? known.archivedAtMs || 1n : 0n,
            },
            // What was not sent comes from the version just read: it must still be that one.
            expectedVersion: expectedVersion || known.version,
          },
          asCaller(call),
        );
        return { body: offerBody(changed), version: changed.version };
      },
    }),
  ];
}

type Terms = z.output<z.ZodObject<typeof termsShape>>;
type TermsBody = { readonly [Name in keyof Terms]?: Terms[Name] | undefined };

/** Only the terms that were sent. */
function termsFromBody(body: TermsBody): MessageInit<Product> {
  const all = {
    name: body.name,
    description: body.description,
    priceNanos: body.price,
    currency: body.currency,
    taxPpm: body.tax_percent,
    creditNanos: body.credit,
    creditCurrency: body.credit_currency,
    validDays: body.valid_days,
  };
  const sent = Object.entries(all).filter(([, value]) => value !== undefined);
  return Object.fromEntries(sent) as MessageInit<Product>;
}

function routesFor(words: Words): readonly Route<BusinessServices>[] {
  return [...readRoutesFor(words), ...writeRoutesFor(words)];
}

export const packRoutes = routesFor({
  ...{ kind: "pack", prefix: "pck", tag: "Packs", path: "/api/v1/packs" },
  ...{ parameter: "pack_id", noun: "Pack", phrase: "a credit pack" },
});

export const planRoutes = routesFor({
  ...{ kind: "plan", prefix: "pln", tag: "Plans", path: "/api/v1/plans" },
  ...{ parameter: "plan_id", noun: "Plan", phrase: "a plan" },
});

/** Monthly statements: what was paid and paid back. */
import { moneyField, moneyOf, timeField, timeOf } from "@tandem/libs/gateway";
import { z } from "zod";
import { asCaller, route } from "./services.ts";

const tag = "Statements";

const monthQuery = z.string().regex(/^2[01][0-9]{2}-(0[1-9]|1[0-2])$/, "must be like 2026-11");

const access = { permission: "orders:read" } as const;

const statement = z
  .object({
    month: z.string().meta({ description: "In UTC.", examples: ["2026-11"] }),
    is_preliminary: z.boolean().meta({ description: "The month is not over." }),
    lines: z.array(
      z.object({
        at: timeField.nullable(),
        kind: z.enum(["order", "refund"]),
        reference: z.string(),
        order_id: z.string(),
        description: z.string(),
        quantity: z.int(),
        net: moneyField.meta({ description: "Refunds are negative." }),
        tax: moneyField,
        total: moneyField,
        credit: moneyField,
      }),
    ),
    totals: z.array(z.object({ net: moneyField, tax: moneyField, total: moneyField })),
  })
  .meta({ id: "Statement" });

export const statementRoutes = [
  route({
    method: "GET",
    path: "/api/v1/statements",
    operationId: "getStatement",
    summary: "Read a month's statement.",
    tag,
    access,
    stale: "organisation",
    query: z.strictObject({ month: monthQuery }),
    reply: statement,
    async handle(call, { orders }) {
      const { organisationId } = call.caller.claims;
      const request = { organisationId, month: call.query.month };
      const found = await orders.getStatement(request, asCaller(call));
      return {
        body: {
          month: found.month,
          is_preliminary: found.preliminary,
          lines: found.lines.map((line) => ({
            at: timeOf(line.atMs),
            kind: line.kind === "refund" ? ("refund" as const) : ("order" as const),
            reference: line.reference,
            order_id: line.orderId,
            description: line.description,
            quantity: line.quantity,
            net: moneyOf(line.netNanos, line.currency),
            tax: moneyOf(line.taxNanos, line.currency),
            total: moneyOf(line.totalNanos, line.currency),
            credit: moneyOf(line.creditNanos, line.creditCurrency),
          })),
          totals: found.totals.map((total) => ({
            net: moneyOf(total.netNanos, total.currency),
            tax: moneyOf(total.taxNanos, total.currency),
            total: moneyOf(total.totalNanos, total.currency),
          })),
        },
      };
    },
  }),
  route({
    method: "GET",
    path: "/api/v1/statements/file",
    operationId: "downloadStatement",
    summary: "Download a month's statement as PDF for people, or as CSV for programs.",
    tag,
    access,
    fileTypes: ["application/pdf", "text/csv"],
    query: z.strictObject({ month: monthQuery, format: z.enum(["pdf", "csv"]).default("pdf") }),
    async handle(call, { orders }) {
      const { organisationId } = call.caller.claims;
      const { month, format } = call.query;
      const made = await orders.renderStatement({ organisationId, month, format }, asCaller(call));
      const { mediaType, fileName: name, content } = made;
      return { file: { mediaType, name, pieces: asPieces(content) } };
    },
  }),
];

async function* asPieces(content: Uint8Array): AsyncGenerator<Uint8Array> {
  yield content;
}

/** Usage as a file: a row a call, or FOCUS 1.2 with what was bought beside what was used. */
import type { Purchase } from "@tandem/contracts/rpc/analytics/v1/analytics_pb";
import type { RestCall } from "@tandem/libs/gateway";
import type { MessageInit } from "@tandem/libs/rpc";
import { z } from "zod";
import { asCaller, type BusinessServices, route } from "./services.ts";
import { filterOf, filterShape, spanOf, spanShape } from "./usage.ts";

/** Each page of a file has its own time; the file as a whole takes as long as it takes. */
const pageDeadlineMs = 9_000;
const pageRows = 2_000;

const files = {
  csv: { mediaType: "text/csv; charset=utf-8", ending: "csv" },
  ndjson: { mediaType: "application/x-ndjson", ending: "ndjson" },
  focus: { mediaType: "text/csv; charset=utf-8", ending: "focus.csv" },
} as const;

const exportQuery = z.strictObject({
  ...spanShape,
  ...filterShape,
  format: z.enum(["csv", "ndjson", "focus"]).default("csv"),
  after: z
    .string()
    .max(64)
    .regex(/^[a-z0-9_]+$/, "must be the `id` or `x_Cursor` of the last row that came")
    .default("")
    .meta({ description: "Go on behind this row: its `id`, or `x_Cursor` of FOCUS." }),
});

export const exportRoute = route({
  method: "GET",
  path: "/api/v1/usage/export",
  operationId: "exportUsage",
  summary: "Send usage as a file: a row a call (CSV, NDJSON), or FOCUS 1.2.",
  description:
    "Made while it is sent. A file that breaks off was cut, and can be gone on with behind its " +
    "last whole row by `after`. FOCUS rows are of whole hours, a row for each meter; behind them " +
    "stand purchases, their tax and refunds, for callers who may read orders and without a filter.",
  tag: "Usage",
  access: { permission: "analytics:read" },
  fileTypes: ["text/csv", "application/x-ndjson"],
  faults: ["analytics.malformed", "analytics.cursor_unknown"],
  query: exportQuery,
  async handle(call, services) {
    const { from, until, format } = call.query;
    const span = spanOf({ from, until }, services.nowMs());
    const { mediaType, ending } = files[format];
    const day = (ms: bigint): string => new Date(Number(ms)).toISOString().slice(0, 10);
    const name = `usage-${day(span.fromMs)}-${day(span.untilMs - 1n)}.${ending}`;
    return { file: { mediaType, name, pieces: pagesOf(call, services, span) } };
  },
});

type ExportCall = RestCall<unknown, z.output<typeof exportQuery>>;

interface Span {
  readonly fromMs: bigint;
  readonly untilMs: bigint;
}

async function* pagesOf(
  call: ExportCall,
  { analytics, orders }: BusinessServices,
  span: Span,
): AsyncGenerator<Uint8Array> {
  const { organisationId } = call.caller.claims;
  const { format } = call.query;
  const filter = filterOf(call.query);
  let { after } = call.query;
  do {
    const page = await analytics.exportUsage(
      { ...span, organisationId, filter, format, after, limit: pageRows },
      { ...asCaller(call), deadlineMs: pageDeadlineMs },
    );
    yield page.content;
    after = page.next;
  } while (after !== "");
  if (format !== "focus" || !maySeePurchases(call)) return;
  const purchases = await purchasesIn(call, orders, span);
  if (purchases.length === 0) return;
  const asked = { organisationId, purchases: [...purchases] };
  const rows = await analytics.renderPurchases(asked, {
    ...asCaller(call),
    deadlineMs: pageDeadlineMs,
  });
  yield rows.content;
}

/** Purchases are the whole organisation's: of a project or a key nobody has bought anything. */
function maySeePurchases({ caller, query }: ExportCall): boolean {
  const isFiltered = Object.keys(filterShape).some((name) => name in query);
  return caller.permissions.has("orders:read") && !isFiltered;
}

/** What the statements of the span's months say was bought in it. */
async function purchasesIn(
  call: ExportCall,
  orders: BusinessServices["orders"],
  { fromMs, untilMs }: Span,
): Promise<readonly MessageInit<Purchase>[]> {
  const { organisationId } = call.caller.claims;
  const purchases: MessageInit<Purchase>[] = [];
  for (const month of monthsOf({ fromMs, untilMs })) {
    const request = { organisationId, month };
    const options = { ...asCaller(call), deadlineMs: pageDeadlineMs };
    const { lines } = await orders.getStatement(request, options);
    for (const { $typeName: _, kind: _kind, orderId: _id, totalNanos: _total, ...line } of lines) {
      if (line.atMs >= fromMs && line.atMs < untilMs) purchases.push(line);
    }
  }
  return purchases;
}

/** `2026-11`, `2026-12` … */
function monthsOf({ fromMs, untilMs }: Span): readonly string[] {
  const months: string[] = [];
  const month = new Date(Number(fromMs));
  month.setUTCDate(1);
  month.setUTCHours(0, 0, 0, 0);
  while (month.getTime() < Number(untilMs)) {
    months.push(month.toISOString().slice(0, 7));
    month.setUTCMonth(month.getUTCMonth() + 1);
  }
  return months;
}

import type {
  ExportUsageRequest,
  ExportUsageResponse,
} from "@tandem/contracts/rpc/analytics/v1/analytics_pb";
import type { CallContext, MessageInit } from "@tandem/libs/rpc";
import { maySeeMargin, requireReader } from "../authority.ts";
import { csvRow } from "../core/csv.ts";
import { factColumns, factLine } from "../core/fact-line.ts";
import { focusColumns, focusRows } from "../core/focus.ts";
import { widened } from "../core/steps.ts";
import { analyticsFaults } from "../faults.ts";
import type { AnalyticsParts } from "../parts.ts";
import { type Cursor, findFacts, findFactTime, findHours, type PageOf } from "../store/pages.ts";
import { readFilter, readSpan } from "./read-request.ts";

const limitMax = 5_000;
const limitDefault = 1_000;

type Page = MessageInit<ExportUsageResponse>;
type Format = "csv" | "ndjson" | "focus";

/**
 * One page of a file. Pages are read one after another by whoever sends the file on, so that none
 * of them, however long it is, is in anybody's memory whole.
 */
export async function exportUsage(
  parts: AnalyticsParts,
  request: ExportUsageRequest,
  context: CallContext,
): Promise<Page> {
  const { organisationId } = request;
  requireReader(context, organisationId);
  const format = readFormat(request.format);
  const span = readSpan(request);
  const page = {
    organisationId,
    filter: readFilter(request.filter),
    limit: Math.min(request.limit || limitDefault, limitMax),
    isFirst: request.after === "",
  };
  if (format === "focus") {
    const after = readHourCursor(request.after);
    return focusPage(parts, { ...page, span: widened("hour", span), after });
  }
  const after = await readFactCursor(parts, request);
  const withCost = maySeeMargin(context);
  return factPage(parts, { ...page, span, after, format, withCost });
}

function readFormat(format: string): Format {
  if (format === "csv" || format === "ndjson" || format === "focus") return format;
  throw analyticsFaults.malformed({ publicMessage: "A format is csv, ndjson or focus." });
}

function readHourCursor(after: string): Cursor | undefined {
  if (after === "") return undefined;
  const match = /^hour_([0-9]{1,14})_([0-9]{1,18})$/.exec(after);
  if (match === null) throw analyticsFaults.cursor_unknown();
  return { atMs: Number(match[1]), id: match[2] ?? "" };
}

async function readFactCursor(
  { database }: AnalyticsParts,
  { organisationId, after }: ExportUsageRequest,
): Promise<Cursor | undefined> {
  if (after === "") return undefined;
  if (after.length > 128 || after.includes("\0")) throw analyticsFaults.cursor_unknown();
  const atMs = await findFactTime(database, { organisationId, id: after });
  if (atMs === undefined) throw analyticsFaults.cursor_unknown();
  return { atMs, id: after };
}

async function focusPage(
  { database }: AnalyticsParts,
  page: PageOf & { readonly isFirst: boolean },
): Promise<Page> {
  const hours = await findHours(database, page);
  const lines = page.isFirst ? [csvRow(focusColumns)] : [];
  let rows = 0;
  for (const hour of hours) {
    for (const row of focusRows(hour)) {
      lines.push(csvRow(focusColumns.map((name) => row[name])));
      rows += 1;
    }
  }
  const isLast = hours.length < page.limit;
  return {
    content: Buffer.from(lines.join("")),
    next: isLast ? "" : (hours.at(-1)?.cursor ?? ""),
    rows,
  };
}

async function factPage(
  { database }: AnalyticsParts,
  page: PageOf & {
    readonly isFirst: boolean;
    readonly format: "csv" | "ndjson";
    readonly withCost: boolean;
  },
): Promise<Page> {
  const facts = await findFacts(database, page);
  const columns = factColumns(page.withCost);
  const isCsv = page.format === "csv";
  const lines = page.isFirst && isCsv ? [csvRow(columns)] : [];
  for (const fact of facts) {
    const line = factLine(fact);
    if (isCsv) lines.push(csvRow(columns.map((name) => csvText(line[name]))));
    else
      lines.push(
        `${JSON.stringify(Object.fromEntries(columns.map((name) => [name, line[name]])))}\n`,
      );
  }
  const isLast = facts.length < page.limit;
  return {
    content: Buffer.from(lines.join("")),
    next: isLast ? "" : (facts.at(-1)?.id ?? ""),
    rows: facts.length,
  };
}

function csvText(value: string | number | boolean | null): string | undefined {
  return value === null ? undefined : String(value);
}

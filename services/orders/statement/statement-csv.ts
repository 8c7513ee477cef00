/** A statement as CSV (RFC 4180): one line for each order and refund, amounts as exact decimals. */
import { formatNanos } from "@tandem/libs/kernel";
import type { Statement } from "../core/statement.ts";

const header = [
  ...["date", "kind", "reference", "order_id", "description", "quantity"],
  ...["net", "tax", "total", "currency", "credit", "credit_currency"],
];

export function statementCsv({ lines }: Statement): string {
  const rows = lines.map((line) => [
    new Date(line.atMs).toISOString(),
    line.kind,
    line.reference,
    line.orderId,
    line.description,
    String(line.quantity),
    formatNanos(line.netNanos),
    formatNanos(line.taxNanos),
    formatNanos(line.totalNanos),
    line.currency,
    formatNanos(line.creditNanos),
    line.creditCurrency,
  ]);
  return [header, ...rows].map((row) => `${row.map(cell).join(",")}\r\n`).join("");
}

const amount = /^-?[0-9]+(\.[0-9]+)?$/;

/**
 * Quoted where it has to be. Text that a spreadsheet would take for a formula gets an apostrophe in
 * front (https://owasp.org/www-community/attacks/CSV_Injection); numbers may be negative.
 */
export function cell(text: string): string {
  const safe = /^[=+\-@\t\r]/.test(text) && !amount.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

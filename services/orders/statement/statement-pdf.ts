/**
 * A statement as PDF: a title, a table over as many pages as it takes, totals by currency. Made
 * with the fonts that every reader has, so it is small; those have Western letters only, and what
 * they have not is shown as a question mark. The CSV has everything.
 */
import { formatNanos } from "@tandem/libs/kernel";
import type PDFDocument from "pdfkit";
import type { Statement, StatementLine } from "../core/statement.ts";

const margin = 50;
const rowHeight = 16;
const pageBottom = 780;
const columns = [
  { title: "Date", x: 50, width: 62, align: "left" },
  { title: "Reference", x: 114, width: 96, align: "left" },
  { title: "Description", x: 212, width: 138, align: "left" },
  { title: "Net", x: 350, width: 60, align: "right" },
  { title: "Tax", x: 412, width: 55, align: "right" },
  { title: "Total", x: 469, width: 76, align: "right" },
] as const;

type Document = InstanceType<typeof PDFDocument>;

/** The bytes of the file. Loads the library at its first use: most replicas never need it. */
export async function statementPdf(statement: Statement, issuedAt: Date): Promise<Buffer> {
  const { default: PdfDocument } = await import("pdfkit");
  const title = `Statement ${statement.month}`;
  const document = new PdfDocument({
    size: "A4",
    margin,
    info: { Title: title, Author: "Tandem", CreationDate: issuedAt },
  });
  const chunks: Buffer[] = [];
  const whole = new Promise<Buffer>((resolve, reject) => {
    document.on("data", (chunk: Buffer) => chunks.push(chunk));
    document.on("end", () => resolve(Buffer.concat(chunks)));
    document.on("error", reject);
  });
  let y = drawHead(document, statement, issuedAt);
  y = drawTitles(document, y);
  for (const line of statement.lines) {
    if (y > pageBottom) y = drawTitles(document.addPage(), margin);
    y = drawRow(document, cellsOf(line), y);
  }
  drawTotals(document, statement, y);
  document.end();
  return whole;
}

function drawHead(document: Document, statement: Statement, issuedAt: Date): number {
  document.font("Helvetica-Bold").fontSize(18).text(`Statement ${statement.month}`, margin, margin);
  document.font("Helvetica").fontSize(9);
  document.text(`Organisation ${printable(statement.organisationId)}`, margin, 78);
  document.text(`Issued ${issuedAt.toISOString().slice(0, 10)}, all times in UTC`, margin, 91);
  if (statement.isPreliminary) document.text("Preliminary: the month is not over.", margin, 104);
  return 130;
}

function drawTitles(document: Document, y: number): number {
  document.font("Helvetica-Bold").fontSize(8);
  const next = drawRow(
    document,
    columns.map(({ title }) => title),
    y,
  );
  document
    .moveTo(margin, next - 4)
    .lineTo(545, next - 4)
    .lineWidth(0.5)
    .stroke();
  document.font("Helvetica");
  return next;
}

function drawRow(document: Document, cells: readonly string[], y: number): number {
  for (const [index, { x, width, align }] of columns.entries()) {
    const text = printable(cells[index] ?? "");
    document.text(text, x, y, { width, align, height: rowHeight - 4, ellipsis: true });
  }
  return y + rowHeight;
}

function cellsOf(line: StatementLine): readonly string[] {
  const what = line.quantity > 1 ? `${line.quantity} × ${line.description}` : line.description;
  return [
    new Date(line.atMs).toISOString().slice(0, 10),
    line.reference,
    line.kind === "refund" ? `Refund: ${what}` : what,
    formatNanos(line.netNanos),
    formatNanos(line.taxNanos),
    `${formatNanos(line.totalNanos)} ${line.currency}`,
  ];
}

function drawTotals(document: Document, { totals, lines }: Statement, from: number): void {
  let y = from + 8;
  if (lines.length === 0) document.text("Nothing was paid in this month.", margin, y);
  document.font("Helvetica-Bold");
  for (const { currency, netNanos, taxNanos, totalNanos } of totals) {
    if (y > pageBottom) {
      document.addPage();
      y = margin;
    }
    const sums = [formatNanos(netNanos), formatNanos(taxNanos)];
    y = drawRow(document, ["Total", "", "", ...sums, `${formatNanos(totalNanos)} ${currency}`], y);
  }
}

/** Windows-1252, which the standard fonts are encoded in, without its controls. */
function printable(text: string): string {
  return text.replaceAll(/[^\x20-\x7e\u00a0-\u00ff\u2013\u2014\u2018-\u201d\u20ac]/gu, "?");
}

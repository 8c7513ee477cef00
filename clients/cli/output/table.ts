/** Columns as wide as their widest cell; numbers of any kind to the right. */
export function table(
  header: readonly string[],
  rows: readonly (readonly (string | number)[])[],
): string {
  const cells = [header, ...rows.map((row) => row.map(String))];
  const widths = header.map((_, at) => Math.max(...cells.map((row) => (row[at] ?? "").length)));
  const isNumber = header.map((_, at) => rows.every((row) => isNumeric(row[at])));
  return cells
    .map((row) =>
      row
        .map((cell, at) => {
          const width = widths[at] ?? 0;
          return isNumber[at] === true ? cell.padStart(width) : cell.padEnd(width);
        })
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

function isNumeric(cell: string | number | undefined): boolean {
  return typeof cell === "number" || /^[\d.,]+( ?(ms|s|MiB|%))?$/.test(cell ?? "");
}

/** `name  value` lines, for one thing with parts. */
export function fields(value: Readonly<Record<string, unknown>>): string {
  const entries = Object.entries(value);
  const width = Math.max(0, ...entries.map(([name]) => name.length));
  return entries.map(([name, part]) => `${name.padEnd(width)}  ${textOf(part)}`).join("\n");
}

function textOf(value: unknown): string {
  if (value === null || value === undefined || value === "") return "–";
  if (Array.isArray(value)) return value.length === 0 ? "–" : value.map(textOf).join(", ");
  if (typeof value !== "object") return String(value);
  // Money is the one object with an amount and a currency.
  const { amount, currency } = value as { readonly amount?: unknown; readonly currency?: unknown };
  if (typeof amount === "string") return `${amount} ${String(currency ?? "")}`.trim();
  return JSON.stringify(value);
}

/** `3 d 04 h`, `12 min`, `9 s`. */
export function duration(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return `${hours} h ${String(minutes % 60).padStart(2, "0")} min`;
  return `${Math.floor(hours / 24)} d ${String(hours % 24).padStart(2, "0")} h`;
}

/** Comma-separated values (RFC 4180). Undefined is an empty field. */
export function csvRow(fields: readonly (string | undefined)[]): string {
  return `${fields.map(csvField).join(",")}\r\n`;
}

function csvField(text = ""): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

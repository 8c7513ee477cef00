/** One server-sent event (WHATWG HTML, section 9.2), of the kinds that model servers send. */
export type ServerEvent =
  /** Comments only: a sign of life. */
  | { readonly kind: "comment" }
  | { readonly kind: "done" }
  /** `value` is the parsed data. */
  | { readonly kind: "json"; readonly name: string; readonly data: string; readonly value: unknown }
  | { readonly kind: "malformed" };

/** Reads one event from its text, blank line included or not. */
export function readEvent(text: string): ServerEvent {
  let name = "";
  let data: string | undefined;
  for (const line of text.split("\n")) {
    if (line === "" || line.startsWith(":")) continue;
    const colon = line.indexOf(":");
    const field = colon === -1 ? line : line.slice(0, colon);
    const value = colon === -1 ? "" : line.slice(line[colon + 1] === " " ? colon + 2 : colon + 1);
    if (field === "event") name = value;
    else if (field === "data") data = data === undefined ? value : `${data}\n${value}`;
  }
  if (data === undefined) return { kind: "comment" };
  if (data.trim() === "[DONE]") return { kind: "done" };
  try {
    return { kind: "json", name, data, value: JSON.parse(data) as unknown };
  } catch {
    return { kind: "malformed" };
  }
}

/** The texts of the events in a piece that ends with one. */
export function splitEvents(piece: Buffer): string[] {
  return piece
    .toString("utf8")
    .split("\n\n")
    .filter((text) => text !== "");
}

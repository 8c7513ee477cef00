import { AssertionFault, assert } from "../kernel/index.ts";
import type { EncodedFields, HeaderFields, HeaderList } from "./contract.ts";
import { FieldBlock, FieldNameSet } from "./field-block.ts";

/** What would end the line or the message, and what does not fit into one byte. */
const unsafeInValue = /[^\t\x20-\x7e\x80-\xff]/;
const validName = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

/** Fields of one connection only, or of the message's framing; never forwarded. */
export const hopByHopFields: readonly string[] = [
  "connection",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "content-length",
  "http2-settings",
];

/** Names that passed, so that the ones used again and again are not looked through each time. */
const passedNames = new Set<string>();
const passedNamesMax = 1_024;

/** What says where a message ends, or what becomes of the connection: the codec's own business. */
const framingNames = new Set(["content-length", "transfer-encoding", "connection"]);

function checkName(name: string): void {
  if (passedNames.has(name)) return;
  assert(!framingNames.has(name.toLowerCase()), `${name} is written by the codec alone`);
  assert(validName.test(name), `not a field name: ${JSON.stringify(name)}`);
  if (passedNames.size < passedNamesMax) passedNames.add(name);
}

/** One line, CR LF included. Throws an assertion for what may not stand in a head. */
export function fieldLine(name: string, value: string): string {
  checkName(name);
  if (unsafeInValue.test(value)) {
    throw new AssertionFault(`the value of ${name} holds a control or wide character`);
  }
  return `${name}: ${value}\r\n`;
}

function isEncoded(fields: HeaderFields | EncodedFields): fields is EncodedFields {
  return "lines" in fields;
}

/** The lines of these fields. */
export function fieldLines(fields: HeaderFields | EncodedFields): string {
  if (isEncoded(fields)) return fields.lines;
  let lines = "";
  for (const [name, value] of fields) lines += fieldLine(name, value);
  return lines;
}

/** Fields checked and written once, for a handler that sends the same ones again and again. */
export function encodeFields(fields: HeaderFields): EncodedFields {
  return { lines: fieldLines(fields) };
}

/**
 * The fields of a received head without those of `dropped`, and without those its `connection`
 * field names (RFC 9110, 7.6.1); then `added`. Nothing is forwarded that was not parsed.
 */
export function forwardFields(
  list: HeaderList,
  { dropped, added }: { dropped: FieldNameSet; added?: EncodedFields | HeaderFields },
): EncodedFields {
  const nominated = nominatedFields(list.get("connection"));
  const tail = added === undefined ? "" : fieldLines(added);
  if (list instanceof FieldBlock) return { lines: list.linesWithout(dropped, nominated) + tail };
  let lines = "";
  for (const [name, value] of list.entries()) {
    if (dropped.has(name) || nominated?.has(name)) continue;
    lines += fieldLine(name, value);
  }
  return { lines: lines + tail };
}

function nominatedFields(connection: string | undefined): FieldNameSet | undefined {
  if (connection === undefined || connection === "keep-alive" || connection === "close") {
    return undefined;
  }
  return new FieldNameSet(
    connection
      .split(",")
      .map((name) => name.trim())
      .filter((name) => name !== ""),
  );
}

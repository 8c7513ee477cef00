/**
 * JSON as the management plane accepts it: valid UTF-8 without a byte order mark, at most 64 levels
 * deep, no key twice in one object (RFC 8259 section 4 leaves the meaning of that open, which
 * attackers use), no `__proto__`, no text that a database cannot hold (U+0000, lone surrogates).
 */
import { restFaults } from "./rest-faults.ts";

const depthMax = 64;
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** The value behind the bytes. Throws `rest.malformed_json` or `rest.json_refused`. */
export function parseStrictJson(bytes: Uint8Array): unknown {
  let text: string;
  let value: unknown;
  try {
    text = utf8.decode(bytes);
    value = JSON.parse(text);
  } catch (cause) {
    throw restFaults.malformed_json({ detail: String(cause), cause });
  }
  inspect(text);
  return value;
}

function refuse(publicMessage: string): never {
  throw restFaults.json_refused({ publicMessage });
}

/** Walks through text that is known to be valid JSON, from string to bracket to string. */
function inspect(text: string): void {
  const landmarks = /["{}[\]]/g;
  // One entry for each open bracket: an object's keys so far, undefined for a list.
  const open: (Set<string> | undefined)[] = [];
  for (let found = landmarks.exec(text); found !== null; found = landmarks.exec(text)) {
    const [mark] = found;
    if (mark === '"') {
      const end = stringEnd(text, found.index);
      const content = decodeString(text, found.index, end);
      landmarks.lastIndex = end;
      if (isKey(text, end)) addKey(open.at(-1), content);
    } else if (mark === "{" || mark === "[") {
      if (open.length === depthMax) refuse(`The body is nested deeper than ${depthMax} levels.`);
      open.push(mark === "{" ? new Set() : undefined);
    } else {
      open.pop();
    }
  }
}

/** The index behind the closing quote. */
function stringEnd(text: string, start: number): number {
  for (let index = start + 1; ; index += 1) {
    const character = text[index];
    if (character === '"') return index + 1;
    if (character === "\\") index += 1;
  }
}

function decodeString(text: string, start: number, end: number): string {
  const raw = text.slice(start + 1, end - 1);
  if (!raw.includes("\\")) return raw;
  const content = JSON.parse(text.slice(start, end)) as string;
  if (content.includes("\0") || !content.isWellFormed()) {
    refuse("A text holds a NUL character or half of a surrogate pair.");
  }
  return content;
}

function isKey(text: string, end: number): boolean {
  let index = end;
  while (
    text[index] === " " ||
    text[index] === "\n" ||
    text[index] === "\r" ||
    text[index] === "\t"
  ) {
    index += 1;
  }
  return text[index] === ":";
}

function addKey(keys: Set<string> | undefined, key: string): void {
  if (keys === undefined) return;
  if (key === "__proto__") refuse('The key "__proto__" is not accepted.');
  if (keys.has(key)) refuse(`The key "${key.slice(0, 40)}" stands twice in one object.`);
  keys.add(key);
}

import { headingIn } from "./chunking.ts";

/**
 * What a Markdown file says of itself before its text: the block between two lines of `---` that
 * site generators know, of which title, language, tags and draft are understood, in the plain forms
 * `key: value`, `key: [a, b]` and `key:` with a list of `- item`. Pure.
 */
export interface ParsedFile {
  readonly title: string;
  /** Empty where the file does not say. */
  readonly language: string;
  readonly tags: readonly string[];
  readonly isDraft: boolean;
  readonly body: string;
}

const fence = /^---[ \t]*\r?\n([\s\S]*?)\r?\n---[ \t]*(?:\r?\n|$)/;

/** The file taken apart. The title is its own, else its first heading, else made from its name. */
export function parseFile(path: string, content: string): ParsedFile {
  const text = content.startsWith("\uFEFF") ? content.slice(1) : content;
  const match = fence.exec(text);
  const fields = match === null ? new Map<string, readonly string[]>() : readFields(match[1] ?? "");
  const body = match === null ? text : text.slice(match[0].length);
  const first = (name: string): string => fields.get(name)?.[0] ?? "";
  return {
    title: first("title") || headingOf(body) || nameOf(path),
    language: first("language") || first("lang"),
    tags: fields.get("tags") ?? [],
    isDraft: first("draft") === "true",
    body,
  };
}

function readFields(block: string): Map<string, readonly string[]> {
  const fields = new Map<string, readonly string[]>();
  let open = "";
  for (const line of block.split(/\r?\n/)) {
    const item = /^\s+-\s+(.*)$/.exec(line) ?? /^-\s+(.*)$/.exec(line);
    if (item !== null && open !== "") {
      fields.set(open, [...(fields.get(open) ?? []), plain(item[1] ?? "")]);
      continue;
    }
    const pair = /^([A-Za-z_][\w-]*):\s*(.*)$/.exec(line);
    if (pair === null) continue;
    open = (pair[1] ?? "").toLowerCase();
    const value = (pair[2] ?? "").trim();
    const list = /^\[(.*)\]$/.exec(value);
    if (list !== null) fields.set(open, (list[1] ?? "").split(",").map(plain).filter(Boolean));
    else fields.set(open, value === "" ? [] : [plain(value)]);
  }
  return fields;
}

function plain(value: string): string {
  const text = value.trim();
  const quoted = /^"(.*)"$/.exec(text) ?? /^'(.*)'$/.exec(text);
  return quoted?.[1] ?? text;
}

function headingOf(body: string): string {
  for (const [line] of body.matchAll(/^ {0,3}#{1,2}[ \t].*$/gm)) {
    const text = headingIn(line)?.text ?? "";
    if (text !== "") return text;
  }
  return "";
}

function nameOf(path: string): string {
  const file = path.split("/").at(-1) ?? path;
  return file.replace(/\.[A-Za-z]+$/, "").replace(/[-_]+/g, " ");
}

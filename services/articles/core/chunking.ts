/**
 * Articles in passages: as long as one thought and an encoder's reach, never across a heading,
 * never through a sentence, a line of code or a row of a table where that can be helped. Each knows
 * the headings it stands under, since "It does not" means little by itself. Pure.
 */
import { sentencesOf } from "./languages.ts";

export interface Chunk {
  /** Outermost first, without the article's own title. */
  readonly headings: readonly string[];
  readonly text: string;
}

/** Characters a passage aims at and may have: some 200 tokens, the encoder's best range. */
const targetLength = 900;
const lengthMax = 1_300;
const headingLengthMax = 300;

interface Block {
  readonly kind: "prose" | "code" | "table" | "list";
  readonly text: string;
}

interface Section {
  readonly headings: readonly string[];
  readonly blocks: readonly Block[];
}

/** The passages of a text in Markdown, in order. `title` is left out of their headings. */
export function chunkMarkdown(
  body: string,
  { title, language }: { readonly title: string; readonly language: string },
): readonly Chunk[] {
  const chunks: Chunk[] = [];
  for (const { headings, blocks } of sectionsOf(body, title)) {
    for (const text of pack(blocks.flatMap((block) => piecesOf(block, language)))) {
      chunks.push({ headings, text });
    }
  }
  return chunks;
}

function sectionsOf(body: string, title: string): readonly Section[] {
  const sections: Section[] = [];
  const path: { readonly depth: number; readonly text: string }[] = [];
  let lines: string[] = [];
  const close = (): void => {
    const blocks = blocksOf(lines);
    lines = [];
    if (blocks.length === 0) return;
    const headings = path.map(({ text }) => text).filter((text) => text !== title);
    sections.push({ headings, blocks });
  };
  let fence = "";
  for (const line of body.replaceAll("\r\n", "\n").split("\n")) {
    const mark = /^ {0,3}(`{3,}|~{3,})/.exec(line)?.[1] ?? "";
    if (fence === "" && mark !== "") fence = mark;
    else if (fence !== "" && mark.startsWith(fence)) fence = "";
    const heading = fence === "" ? headingIn(line) : undefined;
    if (heading === undefined) {
      lines.push(line);
      continue;
    }
    close();
    while ((path.at(-1)?.depth ?? 0) >= heading.depth) path.pop();
    if (heading.text !== "") path.push(heading);
  }
  close();
  return sections;
}

/**
 * The heading that a line is, if it is one. Patterns with several runs of blanks take time by the
 * cube of a line's length, so a line that is longer than any heading is none.
 */
export function headingIn(
  line: string,
): { readonly depth: number; readonly text: string } | undefined {
  if (line.length > headingLengthMax) return undefined;
  const start = /^ {0,3}(#{1,6})[ \t]/.exec(line);
  if (start === null) return undefined;
  const text = line
    .slice(start[0].length)
    .trim()
    .replace(/(^|[ \t])#{1,20}$/, "");
  return { depth: start[1]?.length ?? 1, text: text.replace(/[`*]/g, "").trim() };
}

function blocksOf(lines: readonly string[]): readonly Block[] {
  const blocks: Block[] = [];
  let open: string[] = [];
  let kind: Block["kind"] = "prose";
  let fence = "";
  const close = (): void => {
    const text = open.join("\n").trimEnd();
    open = [];
    if (text.trim() !== "") blocks.push({ kind, text });
    kind = "prose";
  };
  for (const line of lines) {
    const mark = /^ {0,3}(`{3,}|~{3,})/.exec(line)?.[1] ?? "";
    if (fence !== "") {
      open.push(line);
      if (mark.startsWith(fence)) {
        fence = "";
        close();
      }
    } else if (mark !== "") {
      close();
      kind = "code";
      fence = mark;
      open.push(line);
    } else if (line.trim() === "") close();
    else {
      if (open.length === 0) kind = kindOf(line);
      open.push(line);
    }
  }
  close();
  return blocks;
}

function kindOf(line: string): Block["kind"] {
  if (/^\s*\|/.test(line)) return "table";
  return /^\s*([-*+]|\d{1,3}[.)])\s/.test(line) ? "list" : "prose";
}

/** A block as it is, or in pieces that are short enough: by sentences, else by lines, else cut. */
function piecesOf({ kind, text }: Block, language: string): readonly string[] {
  if (text.length <= lengthMax) return [text];
  if (kind === "prose") return join(sentencesOf(text, language), " ");
  const lines = text.split("\n");
  if (kind === "table" && lines.length > 2) {
    // Rows mean nothing without their head.
    const head = lines.slice(0, 2).join("\n");
    return join(lines.slice(2), "\n").map((rows) => `${head}\n${rows}`);
  }
  return join(lines, "\n");
}

/** Parts joined to pieces of about the target's length. */
function join(parts: readonly string[], between: string): readonly string[] {
  const pieces: string[] = [];
  let open = "";
  for (const part of parts.flatMap(cut)) {
    const joined = open === "" ? part : open + between + part;
    if (joined.length <= targetLength || open === "") open = joined;
    else {
      pieces.push(open);
      open = part;
    }
  }
  if (open !== "") pieces.push(open);
  return pieces;
}

/** A sentence without an end is cut where a word begins, else anywhere but through a character. */
function cut(part: string): readonly string[] {
  const pieces: string[] = [];
  let rest = part;
  while (rest.length > lengthMax) {
    const blank = rest.lastIndexOf(" ", targetLength);
    let end = blank > targetLength / 2 ? blank : targetLength;
    if (/[\uDC00-\uDFFF]/.test(rest.charAt(end))) end -= 1;
    pieces.push(rest.slice(0, end));
    rest = rest.slice(end).trimStart();
  }
  if (rest !== "") pieces.push(rest);
  return pieces;
}

/** Pieces of one section put together up to the target's length. */
function pack(pieces: readonly string[]): readonly string[] {
  const chunks: string[] = [];
  let open = "";
  for (const piece of pieces) {
    const joined = open === "" ? piece : `${open}\n\n${piece}`;
    if (joined.length <= targetLength || open === "") open = joined;
    else {
      chunks.push(open);
      open = piece;
    }
  }
  if (open !== "") chunks.push(open);
  return chunks;
}

/** A passage as an encoder and the full text search get it: with the title and its headings. */
export function passageInContext(title: string, { headings, text }: Chunk): string {
  return `${[title, ...headings].join(" › ")}\n${text}`;
}

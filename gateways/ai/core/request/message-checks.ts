import { type JsonDocument, jsonKind, nowhere } from "../json-document.ts";
import { contradictory, invalid, type RequestProblem } from "./generation-request.ts";
import { elementsOf } from "./parameter-checks.ts";

/** DeepSeek API, messages. `developer` is OpenAI's newer name for `system`. */
const roles = ["system", "user", "assistant", "tool", "latest_reminder", "developer"] as const;
type Role = (typeof roles)[number];

/** An image's address may be this long; data URLs are bounded by the body. */
const imageUrlMax = 8_192;

/** What a look at all messages gives. */
export interface MessageFacts {
  readonly images: number;
  /** Bytes of the parts that hold images. */
  readonly imageBytes: number;
  readonly developerRoles: readonly number[];
  /** The last message is an answer to be continued. */
  readonly hasPrefix: boolean;
}

interface Tally {
  images: number;
  imageBytes: number;
  readonly developerRoles: number[];
}

/** Checks `messages` and says what is in them. */
export function readMessages(
  document: JsonDocument,
  messages: number,
): MessageFacts | RequestProblem {
  if (document.kind(messages) !== jsonKind.array) return invalid("messages", "must be a list");
  const tally: Tally = { images: 0, imageBytes: 0, developerRoles: [] };
  let index = 0;
  let prefixAt = -1;
  for (const message of elementsOf(document, messages)) {
    const problem = checkMessage(document, message, { place: `messages[${index}]`, tally });
    if (problem !== undefined) return problem;
    if (isTrueMember(document, message, "prefix")) {
      if (memberText(document, message, "role") !== "assistant" || prefixAt !== -1) {
        return contradictory("messages", "Only the last assistant message may be a `prefix`.");
      }
      prefixAt = index;
    }
    index += 1;
  }
  if (index === 0) return invalid("messages", "must hold at least one message");
  if (prefixAt !== -1 && prefixAt !== index - 1) {
    return contradictory("messages", "A `prefix` message must be the last one.");
  }
  return { ...tally, hasPrefix: prefixAt !== -1 };
}

interface Place {
  /** `messages[3]` */
  readonly place: string;
  readonly tally: Tally;
}

function checkMessage(
  document: JsonDocument,
  message: number,
  { place, tally }: Place,
): RequestProblem | undefined {
  if (document.kind(message) !== jsonKind.object) return invalid(place, "must be an object");
  const roleAt = document.member(message, "role");
  if (roleAt === nowhere || document.kind(roleAt) !== jsonKind.string) {
    return invalid(`${place}.role`, "is required");
  }
  const role = roles.find((candidate) => document.textIs(roleAt, candidate));
  if (role === undefined) {
    const known = roles.slice(0, -1).map((name) => `\`${name}\``);
    const given = document.text(roleAt).slice(0, 40);
    return contradictory(
      "messages",
      `${place}.role: unknown variant \`${given}\`, expected one of ${known.join(", ")}.`,
    );
  }
  if (role === "developer") tally.developerRoles.push(roleAt);
  return (
    checkContent(document, message, { place, tally, role }) ??
    checkToolFields(document, message, { place, role }) ??
    checkNullable(document, message, { place, name: "reasoning_content" })
  );
}

function checkContent(
  document: JsonDocument,
  message: number,
  { place, tally, role }: Place & { readonly role: Role },
): RequestProblem | undefined {
  const content = document.member(message, "content");
  const kind = content === nowhere ? jsonKind.null : document.kind(content);
  if (kind === jsonKind.string) return undefined;
  if (kind === jsonKind.array) return checkParts(document, content, { place, tally });
  if (kind !== jsonKind.null) {
    return invalid(`${place}.content`, "must be a string or a list of parts");
  }
  if (role !== "assistant") return invalid(`${place}.content`, "is required");
  const calls = document.member(message, "tool_calls");
  if (calls !== nowhere && document.kind(calls) === jsonKind.array) return undefined;
  return contradictory("messages", `${place}: content or tool_calls must be set.`);
}

function checkParts(
  document: JsonDocument,
  parts: number,
  { place, tally }: Place,
): RequestProblem | undefined {
  let index = 0;
  for (const part of elementsOf(document, parts)) {
    const at = `${place}.content[${index}]`;
    index += 1;
    if (document.kind(part) !== jsonKind.object) return invalid(at, "must be an object");
    const type = memberText(document, part, "type");
    if (type === undefined) return invalid(`${at}.type`, "is required");
    if (type === "text" && memberText(document, part, "text") === undefined) {
      return invalid(`${at}.text`, "is required");
    }
    if (type === "image_url" || type === "file") {
      tally.images += 1;
      tally.imageBytes += document.end(part) - document.start(part);
    }
    if (type === "image_url" && !hasImageUrl(document, part)) {
      return invalid(`${at}.image_url.url`, `must be an address of at most ${imageUrlMax} bytes`);
    }
  }
  return undefined;
}

function hasImageUrl(document: JsonDocument, part: number): boolean {
  const image = document.member(part, "image_url");
  if (image === nowhere || document.kind(image) !== jsonKind.object) return false;
  const url = document.member(image, "url");
  if (url === nowhere || document.kind(url) !== jsonKind.string) return false;
  const size = document.end(url) - document.start(url) - 2;
  if (size <= imageUrlMax) return true;
  return (
    document.bytes.toString("latin1", document.start(url) + 1, document.start(url) + 6) === "data:"
  );
}

function checkToolFields(
  document: JsonDocument,
  message: number,
  { place, role }: { readonly place: string; readonly role: Role },
): RequestProblem | undefined {
  if (role === "tool" && memberText(document, message, "tool_call_id") === undefined) {
    return invalid(`${place}.tool_call_id`, "is required");
  }
  const calls = document.member(message, "tool_calls");
  if (calls === nowhere || document.kind(calls) === jsonKind.null) return undefined;
  if (document.kind(calls) !== jsonKind.array) {
    return invalid(`${place}.tool_calls`, "must be a list");
  }
  let index = 0;
  for (const call of elementsOf(document, calls)) {
    const isNamed = memberText(document, call, "id") !== undefined;
    if (!isNamed) return invalid(`${place}.tool_calls[${index}].id`, "is required");
    index += 1;
  }
  return undefined;
}

function checkNullable(
  document: JsonDocument,
  message: number,
  { place, name }: { readonly place: string; readonly name: string },
): RequestProblem | undefined {
  const value = document.member(message, name);
  if (value === nowhere) return undefined;
  const kind = document.kind(value);
  if (kind === jsonKind.string || kind === jsonKind.null) return undefined;
  return invalid(`${place}.${name}`, "must be a string");
}

function memberText(document: JsonDocument, object: number, name: string): string | undefined {
  if (document.kind(object) !== jsonKind.object) return undefined;
  const value = document.member(object, name);
  const isText = value !== nowhere && document.kind(value) === jsonKind.string;
  return isText ? document.text(value) : undefined;
}

function isTrueMember(document: JsonDocument, object: number, name: string): boolean {
  const value = document.member(object, name);
  return value !== nowhere && document.kind(value) === jsonKind.true;
}

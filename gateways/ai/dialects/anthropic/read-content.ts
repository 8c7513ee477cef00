import {
  isObject,
  isSet,
  type JsonObject,
  listOf,
  type Reading,
  refuse,
  refuseAsNonsense,
  textOf,
} from "../reading.ts";
import { refusedBlocks } from "./fields.ts";

/** What blocks of a user, of a tool's result or of the system come to: text, or parts. */
export type CanonicalContent = string | readonly JsonObject[];

const imageTypes = new Set(["image/jpeg", "image/png", "image/gif", "image/webp"]);
/** What stands between texts that become one. */
const textBreak = "\n\n";

export function blockType(block: unknown, place: string): string {
  if (!isObject(block)) refuse(place, "must be an object");
  return textOf(block["type"], `${place}.type`);
}

/** A block that nobody here can make anything of. */
export function refuseBlock(type: string, place: string): never {
  const reason = refusedBlocks[type];
  const message =
    reason === undefined
      ? `${place}.type: unknown block \`${type.slice(0, 40)}\`.`
      : `${place}: blocks of the type \`${type}\` are not supported: ${reason}.`;
  refuseAsNonsense("messages", message);
}

/** Texts, images and documents, as the canonical form writes the parts of a user's message. */
export function readPart(reading: Reading, block: unknown, place: string): JsonObject {
  const type = blockType(block, place);
  if (type === "text") {
    const { text } = reading.object(block, "text", place);
    return { type: "text", text: textOf(text, `${place}.text`) };
  }
  if (type === "image") return readImage(reading, block, place);
  if (type === "document") return readDocument(reading, block, place);
  return refuseBlock(type, place);
}

function readImage(reading: Reading, block: unknown, place: string): JsonObject {
  const { source } = reading.object(block, "image", place);
  const at = `${place}.source`;
  const given = reading.object(source, "image_source", at);
  const type = textOf(given["type"], `${at}.type`);
  if (type === "url") {
    return { type: "image_url", image_url: { url: textOf(given["url"], `${at}.url`) } };
  }
  if (type !== "base64") refuse(`${at}.type`, 'must be "base64" or "url"');
  const mediaType = textOf(given["media_type"], `${at}.media_type`);
  if (!imageTypes.has(mediaType)) {
    refuse(`${at}.media_type`, `must be one of ${[...imageTypes].join(", ")}`);
  }
  const data = textOf(given["data"], `${at}.data`);
  return { type: "image_url", image_url: { url: `data:${mediaType};base64,${data}` } };
}

function readDocument(reading: Reading, block: unknown, place: string): JsonObject {
  const { source, title } = reading.object(block, "document", place);
  const at = `${place}.source`;
  const given = reading.object(source, "document_source", at);
  const type = textOf(given["type"], `${at}.type`);
  const data = textOf(given["data"], `${at}.data`);
  const name = isSet(title) ? textOf(title, `${place}.title`) : undefined;
  if (type === "text") {
    return { type: "text", text: name === undefined ? data : `${name}${textBreak}${data}` };
  }
  if (type !== "base64") refuse(`${at}.type`, 'must be "base64" or "text"');
  const mediaType = textOf(given["media_type"], `${at}.media_type`);
  return {
    type: "file",
    file: { filename: name ?? "document", file_data: `data:${mediaType};base64,${data}` },
  };
}

/** Text stays text; several texts alone become one, since not every server takes parts. */
export function simplest(parts: readonly JsonObject[]): CanonicalContent {
  const texts: string[] = [];
  for (const part of parts) {
    if (part["type"] !== "text" || typeof part["text"] !== "string") return parts;
    texts.push(part["text"]);
  }
  return texts.join(textBreak);
}

/** The system's text: a string, or blocks of text. */
export function readSystem(reading: Reading, system: unknown, place: string): string {
  if (typeof system === "string") return system;
  const texts = listOf(system, place).map((block, index) => {
    const at = `${place}[${index}]`;
    if (blockType(block, at) !== "text") refuse(`${at}.type`, 'must be "text"');
    return textOf(reading.object(block, "text", at)["text"], `${at}.text`);
  });
  return texts.join(textBreak);
}

/** What a tool gave back: text, or parts. */
export function readResult(reading: Reading, content: unknown, place: string): CanonicalContent {
  if (!isSet(content)) return "";
  if (typeof content === "string") return content;
  const blocks = listOf(content, place);
  return simplest(blocks.map((block, index) => readPart(reading, block, `${place}[${index}]`)));
}

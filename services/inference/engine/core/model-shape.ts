/** What a GGUF header says of a model, and the memory it will take. Pure. */
import type { GgufHeader, GgufValue } from "./gguf-header.ts";

export interface ModelShape {
  /** `llama`, `bert`, … as the file names it. */
  readonly architecture: string;
  /** Given by the file; undefined when it gives none. */
  readonly name: string | undefined;
  readonly license: string | undefined;
  readonly contextTokens: number;
  readonly blocks: number;
  readonly width: number;
  readonly vocabulary: number;
  /** Bytes of keys and values that one token of context takes, at 16 bits each. */
  readonly cacheBytesPerToken: number;
  /** The chat template, Jinja source; undefined when the file has none. */
  readonly chatTemplate: string | undefined;
}

export type ShapeReading =
  | { readonly kind: "shape"; readonly shape: ModelShape }
  | { readonly kind: "refused"; readonly problem: string };

const cacheValueBytes = 2;

/** Reads the shape, or says which fact the file lacks. */
export function shapeOfHeader(header: GgufHeader): ShapeReading {
  const { metadata } = header;
  const architecture = textOf(metadata.get("general.architecture"));
  if (architecture === undefined) {
    return { kind: "refused", problem: "it names no architecture" };
  }
  const number = (name: string): number | undefined =>
    countOf(metadata.get(`${architecture}.${name}`));
  const contextTokens = number("context_length");
  const blocks = number("block_count");
  const width = number("embedding_length");
  const heads = number("attention.head_count") ?? 1;
  if (contextTokens === undefined || blocks === undefined || width === undefined) {
    return { kind: "refused", problem: "it lacks its context length, block count or width" };
  }
  if (header.tensors === 0) return { kind: "refused", problem: "it holds no weights" };
  const cacheHeads = number("attention.head_count_kv") ?? heads;
  const headWidth = Math.ceil(width / heads);
  const keyWidth = number("attention.key_length") ?? headWidth;
  const valueWidth = number("attention.value_length") ?? headWidth;
  return {
    kind: "shape",
    shape: {
      architecture,
      name: textOf(metadata.get("general.name")),
      license: textOf(metadata.get("general.license")),
      contextTokens,
      blocks,
      width,
      vocabulary: lengthOf(metadata.get("tokenizer.ggml.tokens")),
      cacheBytesPerToken: blocks * cacheHeads * (keyWidth + valueWidth) * cacheValueBytes,
      chatTemplate: textOf(metadata.get("tokenizer.chat_template")),
    },
  };
}

function textOf(value: GgufValue | undefined): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

function countOf(value: GgufValue | undefined): number | undefined {
  const number = typeof value === "bigint" ? Number(value) : value;
  return typeof number === "number" && Number.isSafeInteger(number) && number > 0
    ? number
    : undefined;
}

function lengthOf(value: GgufValue | undefined): number {
  return typeof value === "object" ? value.length : 0;
}

/** Graph, scheduler and library, whatever the model. Measured 45 to 60 MB. */
const fixedBytes = 64 * 1024 * 1024;

/**
 * Bytes of memory a loaded model will take: weights, keys and values of the whole context, and
 * the largest intermediate results of one batch. An upper estimate: weights are mapped from the
 * file, so that a part of them may stay on disk.
 */
export function memoryEstimateBytes(
  shape: ModelShape,
  use: {
    readonly fileBytes: number;
    readonly contextTokens: number;
    readonly batchTokens: number;
  },
): number {
  const cache = shape.cacheBytesPerToken * use.contextTokens;
  const batch = use.batchTokens * 4 * (shape.vocabulary + 16 * shape.width);
  return use.fileBytes + cache + batch + fixedBytes;
}

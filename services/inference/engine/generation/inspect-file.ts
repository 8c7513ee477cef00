import { type FileHandle, open } from "node:fs/promises";
import { freemem } from "node:os";
import { type GgufHeader, readGgufHeader } from "../core/gguf-header.ts";
import { type ModelShape, memoryEstimateBytes, shapeOfHeader } from "../core/model-shape.ts";
import { faults } from "../faults.ts";

export interface InspectedFile {
  readonly shape: ModelShape;
  readonly fileBytes: number;
}

const firstReadBytes = 1024 * 1024;
const headerBytesMax = 256 * 1024 * 1024;

/** What a model file is, from its header alone. Throws `engine.model_refused` with the reason. */
export async function inspectFile(path: string): Promise<InspectedFile> {
  const refused = (problem: string, cause?: unknown) =>
    faults.model_refused({ publicMessage: `${path} cannot be used: ${problem}.`, cause });
  let file: FileHandle;
  try {
    file = await open(path, "r");
  } catch (error) {
    throw refused(`it cannot be read (${(error as NodeJS.ErrnoException).code})`, error);
  }
  try {
    const { size } = await file.stat();
    const header = await readHeader(file, size);
    if (typeof header === "string") throw refused(header);
    const reading = shapeOfHeader(header);
    if (reading.kind === "refused") throw refused(reading.problem);
    return { shape: reading.shape, fileBytes: size };
  } finally {
    await file.close();
  }
}

/** The header, or what is wrong with it. */
async function readHeader(file: FileHandle, size: number): Promise<GgufHeader | string> {
  for (let length = firstReadBytes; ; length *= 4) {
    const buffer = Buffer.alloc(Math.min(length, size));
    await file.read(buffer, 0, buffer.length, 0);
    const reading = readGgufHeader(buffer);
    if (reading.kind === "header") return reading.header;
    if (reading.kind === "refused") return reading.problem;
    if (buffer.length === size) return "it ends inside its header";
    if (length > headerBytesMax) return "its header is larger than any model's";
  }
}

/** Throws `engine.memory_short` when loading would take more than is free, a reserve left alone. */
export function requireMemory(
  id: string,
  { shape, fileBytes }: InspectedFile,
  use: { readonly contextTokens: number; readonly reserveBytes: number },
): void {
  const { contextTokens, reserveBytes } = use;
  const needed = memoryEstimateBytes(shape, { fileBytes, contextTokens, batchTokens: 32 });
  // The machine's and, in a container, the container's.
  const free = Math.min(freemem(), process.availableMemory());
  if (needed + reserveBytes <= free) return;
  throw faults.memory_short({
    publicMessage:
      `${id} needs about ${mebibytes(needed)} MiB of memory for ${contextTokens} tokens of ` +
      `context; ${mebibytes(free)} MiB are free and ${mebibytes(reserveBytes)} MiB stay reserved. ` +
      "Set a smaller engine.context_tokens, choose a smaller model, or free some memory.",
  });
}

function mebibytes(bytes: number): number {
  return Math.ceil(bytes / 1024 / 1024);
}

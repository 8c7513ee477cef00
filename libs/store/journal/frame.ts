import { crc32 } from "node:zlib";

/**
 * One record on disk, little-endian: CRC-32 (4 bytes, over all that follows), length of the
 * payload (4), position (8), payload. The position is under the checksum, so that a frame which
 * surfaces in the wrong place (an old block of a reused disk region) is no record there.
 */
export const frameHeaderBytes = 16;
/** Largest payload; a length beyond it is damage and not a reason to allocate. */
export const payloadBytesMax = 1024 * 1024;

export interface JournalRecord {
  /** 1 for the first record ever; each next one is one more. */
  readonly position: number;
  readonly payload: Buffer;
}

export function encodeFrame(position: number, payload: Uint8Array): Buffer {
  const frame = Buffer.allocUnsafe(frameHeaderBytes + payload.length);
  frame.writeUInt32LE(payload.length, 4);
  frame.writeBigUInt64LE(BigInt(position), 8);
  frame.set(payload, frameHeaderBytes);
  frame.writeUInt32LE(crc32(frame.subarray(4)), 0);
  return frame;
}

/**
 * The records at the start of `bytes`, up to the first frame that is cut short, damaged or out of
 * place: what a crash in the middle of a write leaves behind (the torn tail) ends the reading. The
 * payloads share `bytes`.
 */
export function decodeFrames(bytes: Buffer, firstPosition: number): readonly JournalRecord[] {
  const records: JournalRecord[] = [];
  let offset = 0;
  while (offset + frameHeaderBytes <= bytes.length) {
    const position = firstPosition + records.length;
    const end = offset + frameHeaderBytes + bytes.readUInt32LE(offset + 4);
    const isWhole = end <= bytes.length && end - offset <= frameHeaderBytes + payloadBytesMax;
    if (!isWhole || bytes.readBigUInt64LE(offset + 8) !== BigInt(position)) break;
    if (crc32(bytes.subarray(offset + 4, end)) !== bytes.readUInt32LE(offset)) break;
    records.push({ position, payload: bytes.subarray(offset + frameHeaderBytes, end) });
    offset = end;
  }
  return records;
}

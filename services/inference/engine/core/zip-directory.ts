/**
 * Enough of the zip format to find one member of a wheel (PKWARE APPNOTE 6.3.10, sections 4.3.7,
 * 4.3.12, 4.3.16). Zip64 is refused: no model here is in a file above 4 GiB. Pure: buffers in,
 * offsets out.
 */
export interface ZipMember {
  readonly name: string;
  readonly compressedBytes: number;
  readonly sizeBytes: number;
  /** 0 stored, 8 deflated. */
  readonly method: number;
  readonly crc32: number;
  readonly localHeaderOffset: number;
}

export interface ZipDirectoryPlace {
  readonly offset: number;
  readonly bytes: number;
  readonly members: number;
}

const endSignature = 0x06054b50;
const memberSignature = 0x02014b50;
const localSignature = 0x04034b50;
const endBytes = 22;
const memberBytes = 46;

/** Of a local header, before its variable parts. */
export const zipLocalHeaderBytes = 30;
/** The end record may be followed by a comment of at most this many bytes. */
export const zipTailBytes = endBytes + 65_535;

/** Where the central directory is. `tail` is the file's end; undefined when it is no plain zip. */
export function findZipDirectory(tail: Buffer): ZipDirectoryPlace | undefined {
  for (let at = tail.length - endBytes; at >= 0; at -= 1) {
    if (tail.readUInt32LE(at) !== endSignature) continue;
    if (at + endBytes + tail.readUInt16LE(at + 20) !== tail.length) continue;
    const offset = tail.readUInt32LE(at + 16);
    if (offset === 0xffffffff) return undefined;
    return { offset, bytes: tail.readUInt32LE(at + 12), members: tail.readUInt16LE(at + 10) };
  }
  return undefined;
}

/** The members of a central directory; stops at the first thing that is not one. */
export function readZipDirectory(directory: Buffer): readonly ZipMember[] {
  const members: ZipMember[] = [];
  let at = 0;
  while (at + memberBytes <= directory.length && directory.readUInt32LE(at) === memberSignature) {
    const nameBytes = directory.readUInt16LE(at + 28);
    const nameEnd = at + memberBytes + nameBytes;
    if (nameEnd > directory.length) break;
    members.push({
      name: directory.toString("utf8", at + memberBytes, nameEnd),
      method: directory.readUInt16LE(at + 10),
      crc32: directory.readUInt32LE(at + 16),
      compressedBytes: directory.readUInt32LE(at + 20),
      sizeBytes: directory.readUInt32LE(at + 24),
      localHeaderOffset: directory.readUInt32LE(at + 42),
    });
    at = nameEnd + directory.readUInt16LE(at + 30) + directory.readUInt16LE(at + 32);
  }
  return members;
}

/** Where a member's bytes start, from its local header; undefined when that is not one. */
export function zipDataOffset(member: ZipMember, localHeader: Buffer): number | undefined {
  if (localHeader.length < zipLocalHeaderBytes) return undefined;
  if (localHeader.readUInt32LE(0) !== localSignature) return undefined;
  const variableBytes = localHeader.readUInt16LE(26) + localHeader.readUInt16LE(28);
  return member.localHeaderOffset + zipLocalHeaderBytes + variableBytes;
}

/**
 * Reads the header of a GGUF file: what a model is, before anything large is loaded. Versions 2 and
 * 3, little-endian (ggml's docs/gguf.md). Pure: the caller hands in the file's beginning and gives
 * more when told so. Every length is checked before it is believed.
 */
export type GgufValue = number | bigint | boolean | string | GgufArray;

/** Of arrays only the length is kept: vocabularies are long and nobody here reads them. */
export interface GgufArray {
  readonly length: number;
}

export interface GgufHeader {
  readonly version: number;
  readonly tensors: number;
  readonly metadata: ReadonlyMap<string, GgufValue>;
  /** Where the tensor list begins. */
  readonly metadataBytes: number;
}

export type GgufReading =
  | { readonly kind: "header"; readonly header: GgufHeader }
  /** The header is longer than what was given. */
  | { readonly kind: "more" }
  | { readonly kind: "refused"; readonly problem: string };

const magic = 0x46554747;
const entriesMax = 65_536;
const stringBytesMax = 16 * 1024 * 1024;
const arrayLengthMax = 16 * 1024 * 1024;

/** Bytes of each fixed-size value type, by type number; 8 is a string, 9 an array. */
const fixedBytes: Readonly<Record<number, number>> = {
  0: 1,
  1: 1,
  2: 2,
  3: 2,
  4: 4,
  5: 4,
  6: 4,
  7: 1,
  10: 8,
  11: 8,
  12: 8,
};

class NeedMore extends Error {}
class Refused extends Error {}

export function readGgufHeader(bytes: Buffer): GgufReading {
  try {
    return { kind: "header", header: new HeaderReader(bytes).read() };
  } catch (error) {
    if (error instanceof NeedMore) return { kind: "more" };
    if (error instanceof Refused) return { kind: "refused", problem: error.message };
    throw error;
  }
}

class HeaderReader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  read(): GgufHeader {
    if (this.#bytes.readUInt32LE(this.#take(4)) !== magic) {
      throw new Refused("it does not begin like a GGUF file");
    }
    const version = this.#bytes.readUInt32LE(this.#take(4));
    if (version !== 2 && version !== 3) {
      throw new Refused(`its GGUF version is ${version}; 2 and 3 are known`);
    }
    const tensors = this.#count("tensors");
    const entries = this.#count("metadata entries");
    const metadata = new Map<string, GgufValue>();
    for (let index = 0; index < entries; index += 1) {
      const key = this.#string();
      metadata.set(key, this.#value(this.#bytes.readUInt32LE(this.#take(4))));
    }
    return { version, tensors, metadata, metadataBytes: this.#at };
  }

  #take(length: number): number {
    const at = this.#at;
    if (at + length > this.#bytes.length) throw new NeedMore();
    this.#at = at + length;
    return at;
  }

  #length(limit: number, what: string): number {
    const value = this.#bytes.readBigUInt64LE(this.#take(8));
    if (value > BigInt(limit)) throw new Refused(`it claims ${value} ${what}`);
    return Number(value);
  }

  #count(what: string): number {
    return this.#length(entriesMax, what);
  }

  #string(): string {
    const length = this.#length(stringBytesMax, "bytes in one string");
    const at = this.#take(length);
    return this.#bytes.toString("utf8", at, at + length);
  }

  #value(type: number): GgufValue {
    if (type === 8) return this.#string();
    if (type === 9) return this.#array();
    const length = fixedBytes[type];
    if (length === undefined) throw new Refused(`it uses the unknown value type ${type}`);
    const at = this.#take(length);
    return this.#fixed(type, at);
  }

  #fixed(type: number, at: number): number | bigint | boolean {
    const bytes = this.#bytes;
    if (type === 0) return bytes.readUInt8(at);
    if (type === 1) return bytes.readInt8(at);
    if (type === 2) return bytes.readUInt16LE(at);
    if (type === 3) return bytes.readInt16LE(at);
    if (type === 4) return bytes.readUInt32LE(at);
    if (type === 5) return bytes.readInt32LE(at);
    if (type === 6) return bytes.readFloatLE(at);
    if (type === 7) return bytes.readUInt8(at) !== 0;
    if (type === 10) return bytes.readBigUInt64LE(at);
    if (type === 11) return bytes.readBigInt64LE(at);
    return bytes.readDoubleLE(at);
  }

  #array(): GgufArray {
    const type = this.#bytes.readUInt32LE(this.#take(4));
    const length = this.#length(arrayLengthMax, "items in one array");
    const itemBytes = fixedBytes[type];
    if (itemBytes !== undefined) {
      this.#take(itemBytes * length);
    } else if (type === 8) {
      for (let index = 0; index < length; index += 1) {
        this.#take(this.#length(stringBytesMax, "bytes in one string"));
      }
    } else {
      throw new Refused(`it uses arrays of the value type ${type}`);
    }
    return { length };
  }
}

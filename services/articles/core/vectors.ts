/**
 * Embeddings in one byte a number. They have length one and 384 numbers, so a byte each costs less
 * than half a per cent of the similarity and a quarter of the memory and the disk. Pure.
 */

/** Four bytes of scale, then a signed byte a number. */
export function packVector(vector: readonly number[] | Float32Array): Buffer {
  let largest = 0;
  let length = 0;
  for (const value of vector) {
    largest = Math.max(largest, Math.abs(value));
    length += value * value;
  }
  const norm = Math.sqrt(length) || 1;
  const scale = largest / norm / 127 || 1;
  const packed = Buffer.alloc(4 + vector.length);
  packed.writeFloatLE(scale, 0);
  for (const [index, value] of vector.entries()) {
    packed.writeInt8(Math.round(value / norm / scale), 4 + index);
  }
  return packed;
}

export function dimensionsOf(packed: Buffer): number {
  return packed.length - 4;
}

/** A question's vector, of length one. */
export function normalised(vector: readonly number[] | Float32Array): Float32Array {
  const norm = Math.hypot(...vector) || 1;
  return Float32Array.from(vector, (value) => value / norm);
}

/** Similarity of a question and a packed vector, -1 to 1. */
export function similarity(query: Float32Array, packed: Buffer): number {
  let sum = 0;
  for (let index = 0; index < query.length; index += 1) {
    sum += (query[index] ?? 0) * packed.readInt8(4 + index);
  }
  return sum * packed.readFloatLE(0);
}

/** Many vectors of one width in one block, so that a thousand are scored in a millisecond. */
export class VectorBlock {
  readonly width: number;
  #bytes: Int8Array;
  #scales: Float32Array;
  #count = 0;

  constructor(width: number, capacity = 16) {
    this.width = width;
    this.#bytes = new Int8Array(width * capacity);
    this.#scales = new Float32Array(capacity);
  }

  get count(): number {
    return this.#count;
  }

  get byteLength(): number {
    return this.#bytes.byteLength + this.#scales.byteLength;
  }

  /** Adds one of this block's width; gives its place. */
  add(packed: Buffer): number {
    if (this.#count === this.#scales.length) this.#grow();
    const place = this.#count;
    this.#count += 1;
    this.put(place, packed);
    return place;
  }

  put(place: number, packed: Buffer): void {
    this.#scales[place] = packed.readFloatLE(0);
    const bytes = new Int8Array(packed.buffer, packed.byteOffset + 4, this.width);
    this.#bytes.set(bytes, place * this.width);
  }

  similarity(query: Float32Array, place: number): number {
    const { width } = this;
    const bytes = this.#bytes;
    const start = place * width;
    let sum = 0;
    for (let index = 0; index < width; index += 1) {
      sum += (query[index] ?? 0) * (bytes[start + index] ?? 0);
    }
    return sum * (this.#scales[place] ?? 0);
  }

  #grow(): void {
    const capacity = this.#scales.length * 2;
    const bytes = new Int8Array(this.width * capacity);
    bytes.set(this.#bytes);
    const scales = new Float32Array(capacity);
    scales.set(this.#scales);
    this.#bytes = bytes;
    this.#scales = scales;
  }
}

/** Beyond this a stream's own memory of itself is given up. */
export const sentBytesMax = 1024 * 1024;

const nothing: Buffer = Buffer.alloc(0);

/**
 * The events that a client was sent, in order. What a broken stream is continued from, what an
 * answer is put together from for the cache and the conversation, and what is counted when the
 * upstream did not say how many tokens there were. Copied into one block that doubles, so that no
 * piece keeps a whole read alive.
 */
export class SentText {
  #block = nothing;
  #length = 0;
  #totalBytes = 0;
  #pieces = 0;

  /** Everything is here: nothing was given up. */
  get isWhole(): boolean {
    return this.#length === this.#totalBytes;
  }

  get pieces(): number {
    return this.#pieces;
  }

  get totalBytes(): number {
    return this.#totalBytes;
  }

  add(piece: Buffer): void {
    this.#pieces += 1;
    const isWhole = this.isWhole;
    this.#totalBytes += piece.length;
    const needed = this.#length + piece.length;
    if (!isWhole || needed > sentBytesMax) return;
    if (needed > this.#block.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(1_024, needed, this.#block.length * 2));
      this.#block.copy(larger, 0, 0, this.#length);
      this.#block = larger;
    }
    piece.copy(this.#block, this.#length);
    this.#length = needed;
  }

  /** The bytes that are here; valid until the next `add`. */
  get bytes(): Buffer {
    return this.#block.subarray(0, this.#length);
  }
}

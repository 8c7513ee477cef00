const firstBlockBytes = 256;
/** UTF-8 takes at most three bytes for what a string counts as one. */
const bytesPerUnitMax = 3;

/**
 * A text that comes in many small pieces. Kept as bytes in one block that doubles: joined strings
 * would keep each piece, and what each was cut from, until somebody asks for the whole.
 */
export class GrowingText {
  #block = Buffer.alloc(0);
  #length = 0;
  /** The first half of a pair of UTF-16, whose other half the next piece has to bring. */
  #half = "";

  add(given: string): void {
    let piece = this.#half + given;
    this.#half = isHighSurrogate(piece.charCodeAt(piece.length - 1)) ? piece.slice(-1) : "";
    if (this.#half !== "") piece = piece.slice(0, -1);
    const needed = this.#length + piece.length * bytesPerUnitMax;
    if (needed > this.#block.length) {
      const larger = Buffer.allocUnsafeSlow(
        Math.max(firstBlockBytes, needed, this.#block.length * 2),
      );
      this.#block.copy(larger, 0, 0, this.#length);
      this.#block = larger;
    }
    this.#length += this.#block.write(piece, this.#length);
  }

  toString(): string {
    return this.#block.toString("utf8", 0, this.#length) + this.#half;
  }
}

function isHighSurrogate(code: number): boolean {
  return code >= 0xd800 && code <= 0xdbff;
}

/** A piece below this is small; so many small ones in a row become one. */
const smallBytes = 256;
const smallRun = 256;

/**
 * The pieces of a body that is kept. A buffer weighs a hundred bytes and more beside what it holds,
 * so a body that comes byte by byte would take a hundred times its size; small pieces are put
 * together as they come.
 */
export class BodyPile {
  #pieces: Buffer[] = [];
  /** Where the run of small pieces at the end begins. */
  #smallFrom = 0;

  get pieces(): readonly Buffer[] {
    return this.#pieces;
  }

  add(piece: Buffer): void {
    this.#pieces.push(piece);
    const { length } = this.#pieces;
    if (piece.length >= smallBytes) this.#smallFrom = length;
    else if (length - this.#smallFrom >= smallRun) {
      this.#pieces.push(Buffer.concat(this.#pieces.splice(this.#smallFrom)));
      this.#smallFrom = this.#pieces.length;
    }
  }

  /** All in one; undefined when there is nothing. */
  whole(): Buffer | undefined {
    if (this.#pieces.length > 1) this.replace(Buffer.concat(this.#pieces));
    return this.#pieces[0];
  }

  replace(whole: Buffer): void {
    this.#pieces = [whole];
    this.#smallFrom = 1;
  }

  clear(): void {
    this.#pieces = [];
    this.#smallFrom = 0;
  }
}

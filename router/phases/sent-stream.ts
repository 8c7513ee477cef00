import type { StreamFraming } from "./stream-framing.ts";

/** The first block of a stream's memory; most streams begin with a few hundred bytes. */
const firstBlockBytes = 1_024;
const nothing: Buffer = Buffer.alloc(0);

/**
 * What a client was sent of a stream of events or messages, so that another gateway replica can
 * go on with it. Only whole ones pass: what comes behind the last waits for its end, since nobody
 * could go on in the middle of one. Kept in one block that doubles: small pieces that were kept
 * one by one would each hold the slab they came in.
 */
export class SentStream {
  readonly #bytesMax: number;
  readonly #framing: StreamFraming;
  #block = nothing;
  #length = 0;
  #isWhole = true;
  #rest: Buffer | undefined;

  constructor(bytesMax: number, framing: StreamFraming) {
    this.#bytesMax = bytesMax;
    this.#framing = framing;
  }

  /** Nothing was given up for being too long. */
  get isWhole(): boolean {
    return this.#isWhole;
  }

  /** All that was passed on; valid until the next `pass`. */
  get bytes(): Buffer {
    return this.#block.subarray(0, this.#length);
  }

  /** The gateway ended it on purpose: nobody has to go on with it. */
  get isEnded(): boolean {
    return this.#framing.isEnded(this.bytes);
  }

  /** All of it was passed on, though the connection broke: its last message says so. */
  get isComplete(): boolean {
    return this.#framing.endsItself && this.isEnded;
  }

  /** The whole events there are now, which the client is to be sent; undefined for none. */
  pass(chunk: Buffer): Buffer | undefined {
    const bytes = this.#rest === undefined ? chunk : Buffer.concat([this.#rest, chunk]);
    const end = this.#framing.wholeBytes(bytes);
    if (end === bytes.length && this.#rest === undefined) {
      this.#keep(chunk);
      return chunk;
    }
    if (end === 0) {
      this.#rest = bytes;
      return bytes.length > this.#bytesMax ? this.takeRest() : undefined;
    }
    this.#rest = end === bytes.length ? undefined : bytes.subarray(end);
    const whole = bytes.subarray(0, end);
    this.#keep(whole);
    return whole;
  }

  /** What waits for the end of its event; an answer that ends has to give it all the same. */
  takeRest(): Buffer | undefined {
    const rest = this.#rest;
    this.#rest = undefined;
    if (rest !== undefined) this.#giveUp();
    return rest;
  }

  /** Its replica was lost: what it did not finish saying is said anew by another one. */
  dropRest(): void {
    this.#rest = undefined;
  }

  #keep(piece: Buffer): void {
    if (!this.#isWhole) return;
    const needed = this.#length + piece.length;
    if (needed > this.#bytesMax) {
      this.#giveUp();
      return;
    }
    if (needed > this.#block.length) {
      const size = Math.max(firstBlockBytes, needed, this.#block.length * 2);
      const larger = Buffer.allocUnsafeSlow(Math.min(size, this.#bytesMax));
      this.#block.copy(larger, 0, 0, this.#length);
      this.#block = larger;
    }
    piece.copy(this.#block, this.#length);
    this.#length = needed;
  }

  #giveUp(): void {
    this.#isWhole = false;
    this.#block = nothing;
    this.#length = 0;
  }
}

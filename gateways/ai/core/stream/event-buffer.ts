/** An event may be this long, in bytes; a server that sends a longer one is not making sense. */
const eventBytesMax = 8 * 1024 * 1024;

const carriageReturn = 0x0d;
const lineFeed = 0x0a;
const boundary = Buffer.from("\n\n");

/**
 * Cuts a server's bytes where events end (a blank line), so that nothing of ours can come to stand
 * inside one of theirs. Most reads end with an event's end: those pass without a copy.
 */
export class EventBuffer {
  #tail: Buffer | undefined;

  /** Bytes of the event that has begun and not ended. */
  get pendingBytes(): number {
    return this.#tail?.length ?? 0;
  }

  get isOverfull(): boolean {
    return this.pendingBytes > eventBytesMax;
  }

  /** All whole events that are there now, as one piece; undefined when there is none. */
  push(chunk: Buffer): Buffer | undefined {
    const clean = chunk.includes(carriageReturn) ? withoutReturns(chunk) : chunk;
    const bytes = this.#tail === undefined ? clean : Buffer.concat([this.#tail, clean]);
    const { length } = bytes;
    if (length >= 2 && bytes[length - 1] === lineFeed && bytes[length - 2] === lineFeed) {
      this.#tail = undefined;
      return bytes;
    }
    const end = bytes.lastIndexOf(boundary) + 2;
    if (end < 2) {
      this.#tail = bytes;
      return undefined;
    }
    this.#tail = bytes.subarray(end);
    return bytes.subarray(0, end);
  }
}

/** Lines may end in CR LF; inside JSON a bare carriage return cannot stand, so all of them go. */
function withoutReturns(chunk: Buffer): Buffer {
  return Buffer.from(chunk.toString("latin1").replaceAll("\r", ""), "latin1");
}

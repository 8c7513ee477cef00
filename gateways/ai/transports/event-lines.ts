const newline = 0x0a;
const dataPrefix = "data: ";
const idPrefix = "id: ";

/** Cuts a stream of server-sent events, as the gateway writes it, into what each one carries. */
export class EventLines {
  #rest: Buffer | undefined;
  #lastId = "";

  /** The number of the last event that had one. */
  get lastId(): string {
    return this.#lastId;
  }

  /**
   * Gives the data of the events that are complete now, one by one, each with its own `lastId`;
   * comments and blank lines are left out.
   */
  add(chunk: Buffer | string, onData: (data: string) => void): void {
    const text = this.#wholeLines(chunk);
    let start = 0;
    for (;;) {
      const end = text.indexOf("\n", start);
      if (end < 0) return;
      if (text.startsWith(dataPrefix, start)) onData(text.slice(start + dataPrefix.length, end));
      else if (text.startsWith(idPrefix, start)) {
        this.#lastId = text.slice(start + idPrefix.length, end);
      }
      start = end + 1;
    }
  }

  /** What there is up to the end of a line, where no character is cut; the rest waits. */
  #wholeLines(chunk: Buffer | string): string {
    // Nearly all that comes as text is whole events, and needs not become bytes and text again.
    if (typeof chunk === "string" && this.#rest === undefined && chunk.endsWith("\n")) return chunk;
    const given = typeof chunk === "string" ? Buffer.from(chunk) : chunk;
    const bytes = this.#rest === undefined ? given : Buffer.concat([this.#rest, given]);
    const end = bytes.lastIndexOf(newline) + 1;
    this.#rest = end === bytes.length ? undefined : Buffer.from(bytes.subarray(end));
    return bytes.toString("utf8", 0, end);
  }
}

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
   * The data of the events that are complete now, one by one, each with its own `lastId`; comments
   * and blank lines are left out.
   */
  *add(chunk: Buffer | string): Generator<string> {
    const given = typeof chunk === "string" ? Buffer.from(chunk) : chunk;
    const bytes = this.#rest === undefined ? given : Buffer.concat([this.#rest, given]);
    this.#rest = undefined;
    let start = 0;
    for (;;) {
      const end = bytes.indexOf(newline, start);
      if (end < 0) break;
      const line = bytes.toString("utf8", start, end);
      start = end + 1;
      if (line.startsWith(idPrefix)) this.#lastId = line.slice(idPrefix.length);
      else if (line.startsWith(dataPrefix)) yield line.slice(dataPrefix.length);
    }
    if (start < bytes.length) this.#rest = Buffer.from(bytes.subarray(start));
  }
}

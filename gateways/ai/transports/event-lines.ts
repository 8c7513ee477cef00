const newline = 0x0a;
const dataPrefix = "data: ";

/** Cuts a stream of server-sent events, as the gateway writes it, into what each one carries. */
export class EventLines {
  #rest: Buffer | undefined;

  /** The data of the events that are complete now; comments and blank lines are left out. */
  add(chunk: Buffer | string): readonly string[] {
    const given = typeof chunk === "string" ? Buffer.from(chunk) : chunk;
    const bytes = this.#rest === undefined ? given : Buffer.concat([this.#rest, given]);
    const data: string[] = [];
    let start = 0;
    for (;;) {
      const end = bytes.indexOf(newline, start);
      if (end < 0) break;
      const line = bytes.toString("utf8", start, end);
      if (line.startsWith(dataPrefix)) data.push(line.slice(dataPrefix.length));
      start = end + 1;
    }
    this.#rest = start === bytes.length ? undefined : Buffer.from(bytes.subarray(start));
    return data;
  }
}

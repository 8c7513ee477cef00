/**
 * The events of one stream by number, from 1, in whatever dialect they were written. What keeps a
 * connection alive has no number: it is not part of the answer. Pure.
 */
export class EventLog {
  readonly #events: string[] = [];
  #rest = "";
  #bytes = 0;

  /** With those that somebody else has written so far. */
  constructor(events: readonly string[] = []) {
    this.#push(events);
  }

  get count(): number {
    return this.#events.length;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Takes what is written to a client, and gives the events that are complete now. */
  add(text: string): readonly string[] {
    const blocks = (this.#rest + text).split("\n\n");
    this.#rest = blocks.pop() ?? "";
    const added = blocks.filter((block) => !isComment(block)).map((block) => `${block}\n\n`);
    this.#push(added);
    return added;
  }

  #push(events: readonly string[]): void {
    for (const event of events) this.#bytes += event.length;
    this.#events.push(...events);
  }

  /** The events behind number `after` up to number `last`. */
  between(after: number, last: number): readonly string[] {
    return this.#events.slice(after, last);
  }

  /** Forgets the events, and still counts. */
  drop(): void {
    this.#events.fill("");
    this.#bytes = 0;
  }
}

/** An event with the number by which a client asks for what follows it (`Last-Event-ID`). */
export function numbered(event: string, number: number): string {
  return `id: ${number}\n${event}`;
}

/** Nothing but lines that begin with a colon. */
export function isComment(block: string): boolean {
  // What says something says it in its first line, nearly always.
  if (block !== "" && block[0] !== ":" && block[0] !== "\n") return false;
  return block.split("\n").every((line) => line === "" || line.startsWith(":"));
}

import type { EncodedFields, Exchange, HeaderFields } from "@tandem/libs/http";
import { numbered } from "../core/stream/event-log.ts";
import { handOverField } from "../hand-over/hand-over.ts";
import type { StreamMeta } from "./stream-store.ts";

export interface ListenerOptions {
  /** False where the events of a dialect have numbers of their own. */
  readonly isNumbered?: boolean;
  /** False for one whose request could not be brought to another replica. */
  readonly mayMove?: boolean;
}

/** Someone who is told a kept answer, behind the event that they have. */
export class AnswerListener {
  readonly exchange: Exchange;
  readonly #options: ListenerOptions;
  /** Number of the last event that they have. */
  after: number;
  #hasStarted = false;
  #hasRoom = true;

  constructor(exchange: Exchange, after: number, options: ListenerOptions = {}) {
    this.exchange = exchange;
    this.after = after;
    this.#options = options;
  }

  /** False while what they were told is on its way. */
  get hasRoom(): boolean {
    return this.#hasRoom;
  }

  /** Their answer's head is out. */
  get hasStarted(): boolean {
    return this.#hasStarted;
  }

  /** With the token by which the router brings it to another replica, where there is one. */
  start({ status, lines, handOver }: Pick<StreamMeta, "status" | "lines" | "handOver">): void {
    if (this.#hasStarted) return;
    this.#hasStarted = true;
    const isToken = handOver !== "" && this.#options.mayMove !== false;
    const token = isToken ? `${handOverField}: ${handOver}\r\n` : "";
    this.exchange.startStream(status, { lines: lines + token });
  }

  /** An answer that cannot be had; a stream that has begun is cut without an end. */
  refuse(status: number, headers: HeaderFields | EncodedFields, body: Buffer | string): void {
    if (this.#hasStarted) this.exchange.cut();
    else this.exchange.respond(status, headers, body);
  }

  /** Events of which `first` is the number of the first one, as far as they have them not. */
  tellFrom(first: number, events: readonly string[], onRoom: () => void): void {
    const isNumbered = this.#options.isNumbered !== false;
    let text = "";
    events.forEach((event, at) => {
      const number = first + at;
      if (number > this.after) text += isNumbered ? numbered(event, number) : event;
    });
    this.#tell(text, onRoom);
    this.after = Math.max(this.after, first + events.length - 1);
  }

  #tell(text: string, onRoom: () => void): void {
    if (text === "" || this.exchange.write(text)) return;
    this.#hasRoom = false;
    this.exchange.onDrain(() => {
      this.#hasRoom = true;
      onRoom();
    });
  }
}

import type { EncodedFields, Exchange, HeaderFields, RequestHead } from "@tandem/libs/http";
import { encodeFields } from "@tandem/libs/http";
import { responseIn } from "./background-view.ts";

const streamFields = /^(content-type|cache-control|x-accel-buffering):[^\r]*\r\n/gim;
const json = encodeFields([["content-type", "application/json"]]);

/**
 * Listens to the stream of a response for who did not ask for one: answers with its first event's
 * response, and has left then.
 */
export class AnsweredOnce implements Exchange {
  readonly head: RequestHead;
  readonly remoteAddress: string;
  readonly protocol: Exchange["protocol"];
  readonly #exchange: Exchange;
  #lines = "";
  #isAnswered: boolean = false;
  #onAbort: (() => void)[] = [];

  constructor(exchange: Exchange) {
    this.#exchange = exchange;
    this.head = exchange.head;
    this.remoteAddress = exchange.remoteAddress;
    this.protocol = exchange.protocol;
  }

  readBody(limitBytes: number): Promise<Buffer> {
    return this.#exchange.readBody(limitBytes);
  }

  streamBody(handlers: { onChunk(chunk: Buffer): void; onEnd(): void }): void {
    this.#exchange.streamBody(handlers);
  }

  letBodyLinger(): void {}
  pauseBody(): void {}
  resumeBody(): void {}

  respond(status: number, headers: HeaderFields | EncodedFields, body: Buffer | string): void {
    if (this.#isAnswered) return;
    this.#isAnswered = true;
    this.#exchange.respond(status, headers, body);
    for (const run of this.#onAbort.splice(0)) run();
  }

  startStream(_status: number, headers: HeaderFields | EncodedFields): void {
    const { lines } = "lines" in headers ? headers : encodeFields(headers);
    this.#lines = lines.replaceAll(streamFields, "");
  }

  write(chunk: Buffer | string): boolean {
    const [first = ""] = chunk.toString().split("\n\n");
    const response = this.#isAnswered ? undefined : responseIn(first);
    if (response === undefined) return true;
    this.respond(200, { lines: json.lines + this.#lines }, JSON.stringify(response));
    return true;
  }

  onDrain(run: () => void): void {
    run();
  }

  end(): void {
    this.cut();
  }

  cut(): void {
    if (!this.#isAnswered) this.#exchange.cut();
  }

  onAbort(run: () => void): void {
    if (this.#isAnswered) run();
    else {
      this.#onAbort.push(run);
      this.#exchange.onAbort(run);
    }
  }

  onFinish(run: () => void): void {
    this.#exchange.onFinish(run);
  }
}

import type { EncodedFields, Exchange, HeaderFields, RequestHead } from "@tandem/libs/http";
import type { Fault } from "@tandem/libs/kernel";

/** An exchange whose body was read already, or could not be. */
export class GivenBody implements Exchange {
  readonly head: RequestHead;
  readonly remoteAddress: string;
  readonly protocol: Exchange["protocol"];
  readonly noteFault: (fault: Fault) => void;
  readonly #exchange: Exchange;
  readonly #body: Promise<Buffer>;

  constructor(exchange: Exchange, body: Promise<Buffer>) {
    this.#exchange = exchange;
    this.#body = body;
    this.head = exchange.head;
    this.remoteAddress = exchange.remoteAddress;
    this.protocol = exchange.protocol;
    this.noteFault = (fault) => exchange.noteFault?.(fault);
  }

  readBody(): Promise<Buffer> {
    return this.#body;
  }

  streamBody({ onChunk, onEnd }: { onChunk(chunk: Buffer): void; onEnd(): void }): void {
    void this.#body.then((body) => {
      onChunk(body);
      onEnd();
    });
  }

  letBodyLinger(): void {}
  pauseBody(): void {}
  resumeBody(): void {}

  respond(status: number, headers: HeaderFields | EncodedFields, body: Buffer | string): void {
    this.#exchange.respond(status, headers, body);
  }

  startStream(
    status: number,
    headers: HeaderFields | EncodedFields,
    options?: { readonly contentLength?: number | undefined },
  ): void {
    this.#exchange.startStream(status, headers, options);
  }

  write(chunk: Buffer | string): boolean {
    return this.#exchange.write(chunk);
  }

  onDrain(run: () => void): void {
    this.#exchange.onDrain(run);
  }

  end(trailers?: HeaderFields): void {
    this.#exchange.end(trailers);
  }

  cut(): void {
    this.#exchange.cut();
  }

  onAbort(run: () => void): void {
    this.#exchange.onAbort(run);
  }

  onFinish(run: () => void): void {
    this.#exchange.onFinish(run);
  }
}

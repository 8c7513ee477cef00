import {
  type EncodedFields,
  type Exchange,
  encodeFields,
  type HeaderFields,
  type HeaderList,
  type RequestHead,
} from "@tandem/libs/http";
import { Fault, httpStatusToFaultCode } from "@tandem/libs/kernel";
import {
  EnvelopeReader,
  envelopeFlags,
  grpcContentType,
  grpcTrailers,
  grpcWebContentType,
  readTrailers,
} from "@tandem/libs/rpc";
import { isGrpcType } from "../core/grpc-type.ts";
import { routerFaults } from "../faults.ts";

/** A gateway's messages are as long as its own limits let them be. */
const messageBytesMax = 0xffff_ffff;

const contentTypeLine = /^content-type:[^\r]*\r\n/im;
const requestIdLine = /^x-request-id: ([^\r]*)\r\n/im;

/** True for a call that needs trailers: gRPC itself, which is met over HTTP/2 only. */
export function isGrpc({ protocol, head }: Exchange): boolean {
  return protocol === "h2" && isGrpcType(head.headers.get("content-type") ?? "");
}

/**
 * A gRPC call at the public door. Behind it the same bytes travel as gRPC-web, whose trailers are a
 * last message of the body: so the hop to a gateway needs no trailers, and all that the relay does
 * for others (balancing, attempts, withheld answers) it does here. States: open → streaming → over.
 */
export class GrpcExchange implements Exchange {
  readonly head: RequestHead;
  readonly protocol = "h2";
  readonly #inner: Exchange;
  readonly #reader = new EnvelopeReader(messageBytesMax);
  #state: "open" | "streaming" | "over" = "open";
  #trailers: HeaderFields | undefined;
  #fault: Fault | undefined;
  #requestId = "";
  #status = 200;
  /** What a gateway's door or this one answers by itself is no message, but an HTTP error. */
  #isMessages = false;

  constructor(inner: Exchange) {
    this.#inner = inner;
    this.head = { ...inner.head, headers: new WebHeaders(inner.head.headers) };
  }

  get remoteAddress(): string {
    return this.#inner.remoteAddress;
  }

  readBody(limitBytes: number): Promise<Buffer> {
    return this.#inner.readBody(limitBytes);
  }

  streamBody(handlers: { onChunk(chunk: Buffer): void; onEnd(): void }): void {
    this.#inner.streamBody(handlers);
  }

  letBodyLinger(): void {
    this.#inner.letBodyLinger();
  }

  pauseBody(): void {
    this.#inner.pauseBody();
  }

  resumeBody(): void {
    this.#inner.resumeBody();
  }

  readonly noteFault = (fault: Fault): void => {
    this.#fault = fault;
  };

  respond(status: number, headers: HeaderFields | EncodedFields, body: Buffer | string): void {
    if (this.#state !== "open") return;
    this.startStream(status, headers);
    if (this.#isMessages) this.write(typeof body === "string" ? Buffer.from(body) : body);
    this.end();
  }

  startStream(status: number, headers: HeaderFields | EncodedFields): void {
    if (this.#state !== "open") return;
    this.#state = "streaming";
    const { lines } = "lines" in headers ? headers : encodeFields(headers);
    this.#status = status;
    this.#isMessages = status === 200 && lines.includes(grpcWebContentType);
    this.#requestId = requestIdLine.exec(lines)?.[1] ?? "";
    const own = `content-type: ${grpcContentType}\r\n`;
    this.#inner.startStream(200, { lines: own + lines.replace(contentTypeLine, "") });
  }

  write(chunk: Buffer | string): boolean {
    if (this.#state !== "streaming" || !this.#isMessages) return true;
    let hasRoom = true;
    for (const envelope of this.#reader.add(
      typeof chunk === "string" ? Buffer.from(chunk) : chunk,
    )) {
      if ((envelope.flags & envelopeFlags.trailers) !== 0) {
        this.#trailers = readTrailers(envelope.message);
      } else hasRoom = this.#inner.write(envelope.bytes);
    }
    return hasRoom;
  }

  onDrain(run: () => void): void {
    this.#inner.onDrain(run);
  }

  end(): void {
    if (this.#state !== "streaming") return;
    this.#state = "over";
    const trailers = this.#fault === undefined ? this.#trailers : undefined;
    this.#inner.end(trailers ?? grpcTrailers(this.#failure(), this.#requestId));
  }

  /** A typed ending: gRPC has a place for it even after the first messages. */
  cut(): void {
    if (this.#state === "open") this.startStream(200, []);
    this.#trailers = undefined;
    this.end();
  }

  onAbort(run: () => void): void {
    this.#inner.onAbort(run);
  }

  onFinish(run: () => void): void {
    this.#inner.onFinish(run);
  }

  #failure(): Fault {
    if (this.#fault !== undefined) return this.#fault;
    if (this.#status === 200) return routerFaults.answer_broken();
    const code = httpStatusToFaultCode(this.#status);
    const publicMessage = `The request was refused with HTTP status ${this.#status}.`;
    return new Fault({ code, reason: "router.request_refused", publicMessage });
  }
}

/** The request's fields with the content type of the form it travels in. */
class WebHeaders implements HeaderList {
  readonly #inner: HeaderList;

  constructor(inner: HeaderList) {
    this.#inner = inner;
  }

  get(name: string): string | undefined {
    return name === "content-type" ? grpcWebContentType : this.#inner.get(name);
  }

  has(name: string): boolean {
    return this.#inner.has(name);
  }

  *entries(): Iterable<readonly [name: string, value: string]> {
    for (const [name, value] of this.#inner.entries()) {
      yield name === "content-type" ? [name, grpcWebContentType] : [name, value];
    }
  }
}

import {
  fromBinary,
  fromJson,
  type JsonValue,
  type Message,
  toBinary,
  toJsonString,
} from "@bufbuild/protobuf";
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
  contentTypeOf,
  EnvelopeReader,
  encodeEnvelope,
  envelopeFlags,
  type RpcForm,
  rpcFailure,
  streamEnd,
} from "@tandem/libs/rpc";
import { declinedFields } from "../core/declined.ts";
import { aiFaults } from "../faults.ts";
import { handOverField, handOverLengthField } from "../hand-over/hand-over.ts";
import { EventLines } from "../transports/event-lines.ts";
import type { WordWriter } from "../transports/word-writer.ts";
import type { RpcMethod } from "./methods.ts";
import { framed, type WordFrame, WordMessages } from "./word-messages.ts";

/** Refuses what is none, instead of putting another character there. */
const utf8 = new TextDecoder("utf-8", { fatal: true });

/** What describes the JSON body, and is wrong for a message. */
const bodyFields = /^(content-type|content-length|cache-control|x-accel-buffering):/i;

export interface RpcExchangeGiven {
  readonly form: RpcForm;
  readonly method: RpcMethod;
  readonly requestId: string;
  readonly messageLimitBytes: number;
}

/**
 * A call of the public contract, shown to the phases as the request of the JSON API that it means,
 * so that it goes through the same twelve. States: open → collecting (a whole answer in pieces) or
 * streaming → over.
 */
export class RpcExchange implements Exchange, WordWriter {
  readonly head: RequestHead;
  readonly #inner: Exchange;
  readonly #headers: JsonHeaders;
  readonly #given: RpcExchangeGiven;
  readonly #events = new EventLines();
  readonly #words: WordMessages | undefined;
  /** Of events that are alike but for their words: what they have in common. */
  #alike: { readonly likeness: symbol | undefined; readonly frame: WordFrame } | undefined;
  #state: "open" | "collecting" | "streaming" | "over" = "open";
  #fields: EncodedFields = encodeFields([]);
  #pieces: string[] = [];
  #fault: Fault | undefined;
  /** The client could take more after what was sent last. */
  #hasRoom: boolean = true;

  constructor(inner: Exchange, given: RpcExchangeGiven) {
    this.#inner = inner;
    this.#given = given;
    if (given.form.codec === "proto" && given.method.isStream) this.#words = new WordMessages();
    const { method, path } = given.method.target;
    this.#headers = new JsonHeaders(inner.head.headers, given.requestId);
    const headers = this.#headers;
    this.head = { method, path, target: path, query: "", headers, contentLength: undefined };
  }

  get remoteAddress(): string {
    return this.#inner.remoteAddress;
  }

  get protocol(): Exchange["protocol"] {
    return this.#inner.protocol;
  }

  async readBody(limitBytes: number): Promise<Buffer> {
    const bytes = await this.#inner.readBody(limitBytes);
    const { headers } = this.#inner.head;
    if (!headers.has(handOverField)) return this.#body(bytes);
    // Behind the request there are the messages that the client has of its answer.
    const requestBytes = Number(headers.get(handOverLengthField));
    if (!(requestBytes > 0 && requestBytes <= bytes.length)) throw aiFaults.hand_over_refused();
    const body = this.#body(bytes.subarray(0, requestBytes));
    this.#headers.requestBytes = body.length;
    return Buffer.concat([body, this.#sentEvents(bytes.subarray(requestBytes))]);
  }

  #body(bytes: Buffer): Buffer {
    const body = this.#given.method.toBody(readMessage(bytes, this.#given));
    return body === undefined ? Buffer.alloc(0) : Buffer.from(JSON.stringify(body));
  }

  /** The events of which these messages were made, as far as they tell. */
  #sentEvents(bytes: Buffer): Buffer {
    const { method, messageLimitBytes } = this.#given;
    const messages = new EnvelopeReader(messageLimitBytes)
      .add(bytes)
      .filter(({ flags }) => flags === envelopeFlags.message)
      .map(({ message }) => method.toEvent?.(this.#decode(message)));
    return Buffer.from(messages.map((event) => `data: ${JSON.stringify(event)}\n\n`).join(""));
  }

  #decode(bytes: Buffer): Message {
    const { form, method } = this.#given;
    if (form.codec === "proto") return fromBinary(method.output, bytes);
    return fromJson(method.output, JSON.parse(bytes.toString()) as JsonValue);
  }

  streamBody(handlers: { onChunk(chunk: Buffer): void; onEnd(): void }): void {
    this.readBody(this.#given.messageLimitBytes).then(
      (body) => {
        handlers.onChunk(body);
        handlers.onEnd();
      },
      (error: unknown) => this.fail(Fault.from(error)),
    );
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
    this.#fields = withoutBodyFields(headers);
    if (status < 300) this.#answerWhole(body.toString());
    else this.fail(this.#fault ?? foreignFault(status, body.toString()));
  }

  startStream(status: number, headers: HeaderFields | EncodedFields): void {
    if (this.#state !== "open") return;
    this.#fields = withoutBodyFields(headers);
    if (!this.#given.method.isStream || status >= 300) {
      this.#state = "collecting";
      return;
    }
    this.#startStream();
  }

  #startStream(): void {
    this.#state = "streaming";
    const contentType = encodeFields([["content-type", contentTypeOf(this.#given.form)]]);
    this.#inner.startStream(200, { lines: contentType.lines + this.#fields.lines });
  }

  write(chunk: Buffer | string): boolean {
    if (this.#state === "collecting") this.#pieces.push(chunk.toString());
    if (this.#state !== "streaming") return true;
    this.#hasRoom = true;
    this.#events.add(chunk, this.#tell);
    return this.#hasRoom;
  }

  writeWords(piece: Buffer, words: string, likeness: symbol | undefined): boolean {
    if (this.#state !== "streaming" || this.#words === undefined || this.#fault !== undefined) {
      return this.write(piece);
    }
    const alike = this.#alike;
    if (alike !== undefined && alike.likeness === likeness) {
      return this.#inner.write(framed(alike.frame, words));
    }
    const hasRoom = this.write(piece);
    this.#alike = { likeness, frame: this.#words.frame };
    return hasRoom;
  }

  /** Several of one turn leave as one write all the same: that is the answer's own business. */
  readonly #tell = (data: string): void => {
    if (!data.startsWith("{") || this.#fault !== undefined) return;
    const frame = this.#words?.frameOf(data);
    this.#hasRoom = this.#inner.write(frame ?? this.#envelope(this.#given.method.toMessage(data)));
  };

  onDrain(run: () => void): void {
    this.#inner.onDrain(run);
  }

  end(): void {
    if (this.#state === "collecting") {
      this.#answerWhole(this.#pieces.join(""));
    } else if (this.#state === "streaming") {
      this.#endStream(this.#fault);
    }
  }

  cut(): void {
    if (this.#state === "over") return;
    if (this.#state === "streaming" && this.#fault === undefined) {
      // Without a word: another replica goes on with it.
      this.#state = "over";
      this.#inner.cut();
    } else this.fail(this.#fault ?? aiFaults.stream_broken());
  }

  onAbort(run: () => void): void {
    this.#inner.onAbort(run);
  }

  onFinish(run: () => void): void {
    this.#inner.onFinish(run);
  }

  /** Ends with an error in the protocol's own form, whatever was sent before. */
  fail(fault: Fault): void {
    if (this.#state === "over") return;
    if (this.#state === "streaming") {
      this.#endStream(fault);
      return;
    }
    this.#state = "over";
    const { form, requestId } = this.#given;
    const { status, contentType, body } = rpcFailure(form, fault, requestId);
    const own = encodeFields([["content-type", contentType], ...declinedFields(fault)]);
    this.#inner.respond(status, { lines: own.lines + this.#fields.lines }, body);
  }

  #endStream(fault: Fault | undefined): void {
    this.#state = "over";
    const { form, requestId } = this.#given;
    this.#inner.write(streamEnd(form, fault, requestId));
    this.#inner.end();
  }

  #answerWhole(text: string): void {
    const { form, method, requestId } = this.#given;
    this.#state = "over";
    let body: Buffer;
    try {
      const message = method.toMessage(text);
      body =
        form.protocol === "connect"
          ? this.#encode(message)
          : Buffer.concat([this.#envelope(message), streamEnd(form, undefined, requestId)]);
    } catch (error) {
      this.#state = "open";
      this.fail(Fault.from(error));
      return;
    }
    const contentType = encodeFields([["content-type", contentTypeOf(form)]]);
    this.#inner.respond(200, { lines: contentType.lines + this.#fields.lines }, body);
  }

  #envelope(message: Message): Buffer {
    return encodeEnvelope(envelopeFlags.message, this.#encode(message));
  }

  #encode(message: Message): Buffer {
    const { form, method } = this.#given;
    if (form.codec === "json") return Buffer.from(toJsonString(method.output, message));
    const bytes = toBinary(method.output, message);
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }
}

function readMessage(body: Buffer, { form, method, messageLimitBytes }: RpcExchangeGiven): Message {
  const bytes = form.protocol === "connect" ? body : unwrap(body, messageLimitBytes);
  try {
    if (form.codec === "proto") return fromBinary(method.input, bytes);
    return fromJson(method.input, JSON.parse(utf8.decode(bytes) || "{}") as JsonValue);
  } catch (error) {
    const what = error instanceof Error ? error.message : String(error);
    throw aiFaults.malformed_body({
      publicMessage: `The message is not of the operation's form: ${what.slice(0, 200)}`,
      cause: error,
    });
  }
}

/** The one message of a request. */
function unwrap(body: Buffer, limitBytes: number): Buffer {
  const reader = new EnvelopeReader(limitBytes);
  const envelopes = reader.add(body);
  const [first] = envelopes;
  if (first === undefined || envelopes.length !== 1 || reader.heldBytes > 0) {
    throw aiFaults.malformed_body({
      publicMessage: "The body must be exactly one message in its frame.",
    });
  }
  if (first.flags === envelopeFlags.message) return first.message;
  throw aiFaults.compressed_message();
}

/** An error that nobody told us of beforehand: its status and words have to do. */
function foreignFault(status: number, body: string): Fault {
  let publicMessage = "The request failed.";
  try {
    const { error } = JSON.parse(body) as { readonly error?: { readonly message?: string } };
    publicMessage = error?.message ?? publicMessage;
  } catch {
    // Not JSON: the status alone then.
  }
  const code = httpStatusToFaultCode(status);
  return new Fault({ code, reason: "ai.request_failed", publicMessage });
}

function withoutBodyFields(headers: HeaderFields | EncodedFields): EncodedFields {
  const { lines } = "lines" in headers ? headers : encodeFields(headers);
  const kept = lines.split("\r\n").filter((line) => line !== "" && !bodyFields.test(line));
  return { lines: kept.map((line) => `${line}\r\n`).join("") };
}

/** The call's metadata, with the body's type as the phases see it. */
class JsonHeaders implements HeaderList {
  /** Of the body as the phases see it, where what was sent stands behind it. */
  requestBytes: number | undefined = undefined;
  readonly #inner: HeaderList;
  readonly #requestId: string;

  constructor(inner: HeaderList, requestId: string) {
    this.#inner = inner;
    this.#requestId = requestId;
  }

  get(name: string): string | undefined {
    if (name === "x-request-id") return this.#requestId;
    if (name === handOverLengthField && this.requestBytes !== undefined) {
      return String(this.requestBytes);
    }
    return name === "content-type" ? "application/json" : this.#inner.get(name);
  }

  has(name: string): boolean {
    return this.#inner.has(name);
  }

  *entries(): Iterable<readonly [name: string, value: string]> {
    for (const [name, value] of this.#inner.entries()) {
      yield name === "content-type" ? [name, "application/json"] : [name, value];
    }
  }
}

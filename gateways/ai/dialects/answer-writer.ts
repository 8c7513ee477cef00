import { type EncodedFields, type Exchange, encodeFields } from "@tandem/libs/http";
import type { Fault } from "@tandem/libs/kernel";
import { endedComment } from "../hand-over/hand-over.ts";
import type { AnswerForm, Dialect } from "./dialect.ts";

/** What goes with every answer, asked for when its head is written. */
export type AnswerFields = () => EncodedFields;

const jsonFields = encodeFields([["content-type", "application/json"]]);

const streamFields = encodeFields([
  ["content-type", "text/event-stream; charset=utf-8"],
  ["cache-control", "no-cache"],
  // nginx and others hold a stream back otherwise.
  ["x-accel-buffering", "no"],
]);

/**
 * The answer on its way to the client. States: unsent → waiting (its status is out, nothing of the
 * answer is) → flowing → over, or whole from unsent or waiting. The status is held back for as
 * long as another one could still be right.
 */
export class AnswerWriter {
  readonly #exchange: Exchange;
  readonly #dialect: Dialect;
  #form: AnswerForm | undefined;
  #isStream: boolean = false;
  readonly #fields: AnswerFields;
  #state: "unsent" | "waiting" | "flowing" | "over" = "unsent";
  #lastWriteMs: number;

  constructor(
    exchange: Exchange,
    given: { readonly dialect: Dialect; readonly fields: AnswerFields; readonly nowMs: number },
  ) {
    this.#exchange = exchange;
    this.#dialect = given.dialect;
    this.#fields = given.fields;
    this.#lastWriteMs = given.nowMs;
  }

  /** How the answer is to be told; known once the request was read. */
  expect({ isStream, form }: { isStream: boolean; form: AnswerForm | undefined }): void {
    this.#isStream = isStream;
    this.#form = form;
  }

  /** Bytes of the answer itself are out: no other target can begin anew. */
  get hasFlowed(): boolean {
    return this.#state === "flowing";
  }

  /** The status is out. */
  get hasBegun(): boolean {
    return this.#state !== "unsent";
  }

  /** Milliseconds for which nothing was written. */
  silentMs(nowMs: number): number {
    return nowMs - this.#lastWriteMs;
  }

  /** Appends whole canonical events. False when the client is slow: wait for `onDrain`. */
  write(piece: Buffer | string, nowMs: number): boolean {
    if (this.#state === "unsent") this.#begin();
    this.#state = "flowing";
    if (this.#form === undefined) {
      this.#lastWriteMs = nowMs;
      return this.#exchange.write(piece);
    }
    const told = this.#form.events(piece);
    if (told.length === 0) return true;
    this.#lastWriteMs = nowMs;
    return this.#exchange.write(told);
  }

  /**
   * Goes on with an answer of another replica: `canonical` is what it has said, `told` the same as
   * the client has it. False, and an answer that can only fail, where they are not the same.
   */
  resume(canonical: Buffer, told: Buffer, nowMs: number): boolean {
    this.#begin();
    this.#lastWriteMs = nowMs;
    this.#state = canonical.length === 0 ? "waiting" : "flowing";
    if (this.#form === undefined || canonical.length === 0) return canonical.equals(told);
    return Buffer.from(this.#form.events(canonical)).equals(told);
  }

  /** Stops in the middle without a word, for another replica to go on with. */
  abandon(): void {
    if (this.#state === "over") return;
    this.#state = "over";
    this.#exchange.cut();
  }

  /** A word for whoever reads the bytes; clients do not see it. */
  comment(text: string): void {
    if (this.#state === "flowing" && this.#isStream) this.#exchange.write(`: ${text}\n\n`);
  }

  /** A sign of life, which fixes the status at 200. */
  keepAlive(nowMs: number): void {
    if (this.#state === "over") return;
    if (this.#state === "unsent") {
      this.#begin();
      this.#state = "waiting";
    }
    this.#lastWriteMs = nowMs;
    const { inStream, beforeWhole } = this.#dialect.keepAlive;
    this.#exchange.write(this.#isStream ? inStream : beforeWhole);
  }

  #begin(): void {
    this.#exchange.startStream(200, this.#with(this.#isStream ? streamFields : jsonFields));
  }

  #with(own: EncodedFields): EncodedFields {
    return { lines: own.lines + this.#fields().lines };
  }

  /** The last canonical events of a stream, and its proper end. */
  finishStream(closing: Buffer | string): void {
    if (this.#state === "over") return;
    if (this.#state === "unsent") this.#begin();
    this.#state = "over";
    this.#exchange.write(this.#form?.events(closing) ?? closing);
    this.#exchange.end();
  }

  /** A whole answer in canonical form. */
  finishWhole(canonical: Buffer | string): void {
    if (this.#state === "over") return;
    const body = this.#form?.whole(canonical) ?? canonical;
    if (this.#state === "unsent") {
      this.#exchange.respond(200, this.#with(jsonFields), body);
    } else {
      this.#exchange.write(body);
      this.#exchange.end();
    }
    this.#state = "over";
  }

  /**
   * An error: with its status while that can be chosen, else as an event in the stream. Either way
   * what has begun is cut off, so that it never ends like a whole answer.
   */
  fail(fault: Fault, { requestId, status }: { requestId: string; status: number }): void {
    if (this.#state === "over") return;
    const isUnsent = this.#state === "unsent";
    this.#state = "over";
    const dialect = this.#dialect;
    if (isUnsent) {
      const own = { lines: jsonFields.lines + encodeFields(dialect.retryFields(fault)).lines };
      this.#exchange.respond(status, this.#with(own), dialect.errorBody(fault, requestId));
      return;
    }
    if (this.#isStream) {
      const event = this.#form?.failure(fault, requestId) ?? dialect.errorEvent(fault, requestId);
      this.#exchange.write(event.toString() + endedComment);
    }
    this.#exchange.cut();
  }

  onDrain(run: () => void): void {
    this.#exchange.onDrain(run);
  }
}

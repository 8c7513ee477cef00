import { type EncodedFields, type Exchange, encodeFields } from "@tandem/libs/http";
import type { Fault } from "@tandem/libs/kernel";
import { errorBody, retryFields } from "./error-body.ts";

/** What goes with every answer, asked for when its head is written. */
export type AnswerFields = () => EncodedFields;

const jsonFields = encodeFields([["content-type", "application/json"]]);

const streamFields = encodeFields([
  ["content-type", "text/event-stream; charset=utf-8"],
  ["cache-control", "no-cache"],
  // nginx and others hold a stream back otherwise.
  ["x-accel-buffering", "no"],
]);

const keepAliveComment = ": keep-alive\n\n";
const blankLine = "\n";

/**
 * The answer on its way to the client. States: unsent → waiting (its status is out, nothing of the
 * answer is) → flowing → over, or whole from unsent or waiting. The status is held back for as
 * long as another one could still be right.
 */
export class AnswerWriter {
  readonly #exchange: Exchange;
  #isStream: boolean = false;
  readonly #fields: AnswerFields;
  #state: "unsent" | "waiting" | "flowing" | "over" = "unsent";
  #lastWriteMs: number;

  constructor(
    exchange: Exchange,
    given: { readonly fields: AnswerFields; readonly nowMs: number },
  ) {
    this.#exchange = exchange;
    this.#fields = given.fields;
    this.#lastWriteMs = given.nowMs;
  }

  /** The client asked for a stream. */
  expectStream(): void {
    this.#isStream = true;
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

  /** Appends whole events. False when the client is slow: wait for `onDrain`. */
  write(piece: Buffer | string, nowMs: number): boolean {
    if (this.#state === "unsent") this.#begin();
    this.#state = "flowing";
    this.#lastWriteMs = nowMs;
    return this.#exchange.write(piece);
  }

  /** A sign of life, which fixes the status at 200. */
  keepAlive(nowMs: number): void {
    if (this.#state === "over") return;
    if (this.#state === "unsent") {
      this.#begin();
      this.#state = "waiting";
    }
    this.#lastWriteMs = nowMs;
    this.#exchange.write(this.#isStream ? keepAliveComment : blankLine);
  }

  #begin(): void {
    this.#exchange.startStream(200, this.#with(this.#isStream ? streamFields : jsonFields));
  }

  #with(own: EncodedFields): EncodedFields {
    return { lines: own.lines + this.#fields().lines };
  }

  /** The last events of a stream, and its proper end. */
  finishStream(closing: Buffer | string): void {
    if (this.#state === "over") return;
    if (this.#state === "unsent") this.#begin();
    this.#state = "over";
    this.#exchange.write(closing);
    this.#exchange.end();
  }

  /** A whole answer. */
  finishWhole(body: Buffer | string): void {
    if (this.#state === "over") return;
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
    const body = errorBody(fault, requestId);
    if (isUnsent) {
      const own = { lines: jsonFields.lines + encodeFields(retryFields(fault)).lines };
      this.#exchange.respond(status, this.#with(own), body);
      return;
    }
    if (this.#isStream) this.#exchange.write(`data: ${body}\n\n`);
    this.#exchange.cut();
  }

  onDrain(run: () => void): void {
    this.#exchange.onDrain(run);
  }
}

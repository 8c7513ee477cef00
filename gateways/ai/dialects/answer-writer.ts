import { type EncodedFields, type Exchange, encodeFields } from "@tandem/libs/http";
import type { Fault } from "@tandem/libs/kernel";
import { aiFaults } from "../faults.ts";
import { endedComment } from "../hand-over/hand-over.ts";
import { isWordWriter, type SaidWords, type WordWriter } from "../transports/word-writer.ts";
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
  readonly #wordWriter: WordWriter | undefined;
  readonly #dialect: Dialect;
  #form: AnswerForm | undefined;
  #isStream: boolean = false;
  readonly #fields: AnswerFields;
  readonly #onAstray: (fault: Fault) => void;
  #state: "unsent" | "waiting" | "flowing" | "over" = "unsent";
  #lastWriteMs: number;
  #isOpened: boolean = false;
  #isHeadOld: boolean = false;
  /** What the client has of the form's next words already. */
  #ahead = "";

  constructor(
    exchange: Exchange,
    given: {
      readonly dialect: Dialect;
      readonly fields: AnswerFields;
      readonly nowMs: number;
      /** What goes on does not follow from what the client has: it can only be failed. */
      readonly onAstray: (fault: Fault) => void;
    },
  ) {
    this.#exchange = exchange;
    this.#wordWriter = isWordWriter(exchange) ? exchange : undefined;
    this.#dialect = given.dialect;
    this.#fields = given.fields;
    this.#lastWriteMs = given.nowMs;
    this.#onAstray = given.onAstray;
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

  /** Its client was told that it was accepted. */
  get isOpened(): boolean {
    return this.#isOpened;
  }

  /** The status is out. */
  get hasBegun(): boolean {
    return this.#state !== "unsent";
  }

  /** `#unheard` may have ended it. */
  get #isOver(): boolean {
    return this.#state === "over";
  }

  /** Milliseconds for which nothing was written. */
  silentMs(nowMs: number): number {
    return nowMs - this.#lastWriteMs;
  }

  /** Says that the request was accepted; nothing of the answer is there yet. */
  open(given: { readonly createdAt: number; readonly model: string }): void {
    this.#isOpened = true;
    this.#isHeadOld = true;
    if (this.#state !== "unsent") return;
    this.#begin();
    this.#state = "waiting";
    this.#exchange.write(this.#form?.opening?.(given) ?? "");
  }

  /**
   * Appends whole canonical events. `said`: who knows what words they bring, if that is all they
   * do. False when the client is slow: wait for `onDrain`.
   */
  write(piece: Buffer, nowMs: number, said?: SaidWords): boolean {
    // Of one that was opened, who makes it is known only now, and with that how others go on.
    if (this.#state === "unsent" || this.#isHeadOld) this.#begin();
    this.#isHeadOld = false;
    this.#state = "flowing";
    if (this.#form === undefined) {
      this.#lastWriteMs = nowMs;
      return this.#writeAsItIs(piece, said);
    }
    const words = said?.words;
    const event = words === undefined ? undefined : this.#form.words(words);
    const told = this.#unheard(event ?? this.#form.events(piece));
    if (told.length === 0) return true;
    this.#lastWriteMs = nowMs;
    return this.#exchange.write(told);
  }

  #writeAsItIs(piece: Buffer, said: SaidWords | undefined): boolean {
    const writer = this.#wordWriter;
    const words = writer === undefined ? undefined : said?.words;
    if (writer === undefined || words === undefined) return this.#exchange.write(piece);
    return writer.writeWords(piece, words, said?.likeness);
  }

  /**
   * Goes on with an answer of another replica: `canonical` is what it has said, `told` the same as
   * the client has it, perhaps without the last events of it, or with the first of what would have
   * come next. False, and an answer that can only fail, where they are not the same.
   */
  resume(canonical: Buffer, told: Buffer, nowMs: number): boolean {
    this.#begin();
    this.#lastWriteMs = nowMs;
    this.#state = canonical.length === 0 ? "waiting" : "flowing";
    if (this.#form === undefined || canonical.length === 0) return canonical.equals(told);
    const again = this.#form.events(canonical).toString();
    const all = told.toString();
    if (all.startsWith(again)) this.#ahead = all.slice(again.length);
    else if (again.startsWith(all)) this.#exchange.write(again.slice(all.length));
    else return false;
    return true;
  }

  /**
   * Without what the client has of it. Some events only ever come together, and a replica may be
   * lost between them; what comes next has to begin with those.
   */
  #unheard(told: Buffer | string): Buffer | string {
    if (this.#ahead === "" || told.length === 0) return told;
    const text = told.toString();
    const ahead = this.#ahead;
    this.#ahead = text.length < ahead.length ? ahead.slice(text.length) : "";
    if (text.startsWith(ahead)) return text.slice(ahead.length);
    if (ahead.startsWith(text)) return "";
    this.#onAstray(aiFaults.stream_broken({ detail: "it cannot go on as it began" }));
    return "";
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
    const told = this.#form === undefined ? closing : this.#unheard(this.#form.events(closing));
    if (this.#isOver) return;
    this.#state = "over";
    this.#exchange.write(told);
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

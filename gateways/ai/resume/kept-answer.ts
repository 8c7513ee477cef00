import type { EncodedFields, Exchange, HeaderFields, RequestHead } from "@tandem/libs/http";
import { encodeFields } from "@tandem/libs/http";
import type { Fault } from "@tandem/libs/kernel";
import type { Log } from "@tandem/libs/telemetry";
import type { Timer, World } from "@tandem/libs/world";
import { EventLog, isComment, numbered } from "../core/stream/event-log.ts";
import type { StreamMeta, StreamPlace, StreamStore } from "./stream-store.ts";

export interface KeptAnswerOptions {
  readonly world: World;
  readonly log: Log;
  readonly store: StreamStore;
  readonly place: StreamPlace;
  readonly meta: StreamMeta;
  readonly body: Buffer;
  /** How long an answer nobody listens to goes on. */
  readonly graceMs: number;
  readonly bytesMax: number;
  /** Nobody will write to it any more, and all is in the store. */
  onOver(): void;
}

/** Someone who is told the answer, and from which event on. */
interface Listener {
  readonly exchange: Exchange;
  readonly after: number;
}

const flushPeriodMs = 20;
const blockBytesMax = 32_768;
const beatPeriodMs = 1_000;

/**
 * An answer that outlives the connection on which it was asked for: the phases see an exchange that
 * goes on; who listens may leave and come back, here or, by the store, at another replica. States:
 * open → body (a whole answer in pieces) or events → over. When nobody has listened for `graceMs`,
 * or it grows beyond what is kept, it is what it would have been without this: the client has left.
 */
export class KeptAnswer implements Exchange {
  readonly head: RequestHead;
  readonly protocol: Exchange["protocol"];
  readonly remoteAddress: string;
  readonly #options: KeptAnswerOptions;
  readonly #events = new EventLog();
  #meta: StreamMeta;
  #state: "open" | "body" | "events" | "over" = "open";
  #isKept: boolean = true;
  #bodyText = "";
  #pending = "";
  #listener: Listener | undefined;
  #grace: Timer | undefined;
  #flushTimer: Timer | undefined;
  #stored: Promise<void> = Promise.resolve();
  readonly #beat: Timer;
  #onAbort: (() => void)[] = [];
  #onFinish: (() => void)[] = [];
  #onDrain: (() => void)[] = [];

  constructor(first: Exchange, options: KeptAnswerOptions) {
    this.head = first.head;
    this.protocol = first.protocol;
    this.remoteAddress = first.remoteAddress;
    this.#options = options;
    this.#meta = options.meta;
    this.#beat = options.world.timers.every(beatPeriodMs, () => {
      this.#saveMeta({ beat: this.#meta.beat + 1 });
    });
  }

  /** Complete, or it never will be: the store has what there is. */
  get isOver(): boolean {
    return this.#state === "over";
  }

  get fingerprint(): string {
    return this.#meta.fingerprint;
  }

  /** Tells it from now on, beginning behind event `after`; whoever was told before is let go. */
  tell(exchange: Exchange, after: number): void {
    this.#listener?.exchange.cut();
    this.#grace?.cancel();
    const listener = { exchange, after };
    this.#listener = listener;
    if (this.#state === "events" || this.#state === "body") {
      exchange.startStream(this.#meta.status, { lines: this.#meta.lines });
      exchange.write(this.#state === "body" ? this.#bodyText : this.#events.from(after));
    }
    exchange.onAbort(() => this.#lost(listener));
    this.#release();
  }

  #lost(listener: Listener): void {
    if (this.#listener !== listener) return;
    this.#listener = undefined;
    this.#release();
    if (this.#state === "over") return;
    if (!this.#isKept) this.abort();
    else this.#grace = this.#options.world.timers.after(this.#options.graceMs, () => this.abort());
  }

  /** A slow listener is gone, or another one came: nobody has to be waited for. */
  #release(): void {
    for (const run of this.#onDrain.splice(0)) run();
  }

  /** The client does not want it any more. */
  abort(): void {
    if (this.#state === "over") return;
    const runs = this.#onAbort.splice(0);
    this.#close("cut");
    for (const run of runs) run();
    this.#finished();
  }

  readBody(): Promise<Buffer> {
    return Promise.resolve(this.#options.body);
  }

  streamBody(handlers: { onChunk(chunk: Buffer): void; onEnd(): void }): void {
    handlers.onChunk(this.#options.body);
    handlers.onEnd();
  }

  letBodyLinger(): void {}
  pauseBody(): void {}
  resumeBody(): void {}

  readonly noteFault = (fault: Fault): void => {
    this.#listener?.exchange.noteFault?.(fault);
  };

  respond(status: number, headers: HeaderFields | EncodedFields, body: Buffer | string): void {
    if (this.#state !== "open") return;
    this.#listener?.exchange.respond(status, headers, body);
    this.#begin("body", status, linesOf(headers));
    this.#bodyText = body.toString();
    // What was refused was not done: the same name may be tried again.
    if (status >= 400) this.#isKept = false;
    this.#close("whole");
    this.#finished();
  }

  startStream(status: number, headers: HeaderFields | EncodedFields): void {
    if (this.#state !== "open") return;
    const lines = linesOf(headers);
    const kind = /^content-type: text\/event-stream/im.test(lines) ? "events" : "body";
    this.#begin(kind, status, lines);
    this.#state = kind;
    this.#listener?.exchange.startStream(status, { lines });
    this.#saveMeta({});
  }

  #begin(kind: StreamMeta["kind"], status: number, lines: string): void {
    this.#meta = { ...this.#meta, kind, status, lines };
  }

  write(chunk: Buffer | string): boolean {
    const text = chunk.toString();
    const listener = this.#listener?.exchange;
    if (this.#state === "body") {
      this.#bodyText += text;
      return listener?.write(chunk) ?? true;
    }
    if (this.#state !== "events") return true;
    let number = this.#events.count;
    const events = this.#events.add(text);
    if (events.length === 0) return isComment(text) ? (listener?.write(chunk) ?? true) : true;
    this.#keep(events);
    let told = "";
    for (const event of events) {
      number += 1;
      if (number > (this.#listener?.after ?? 0)) told += numbered(event, number);
    }
    return told === "" ? true : (listener?.write(told) ?? true);
  }

  #keep(events: readonly string[]): void {
    if (!this.#isKept) {
      this.#events.drop();
      return;
    }
    if (this.#events.bytes > this.#options.bytesMax) {
      this.#isKept = false;
      this.#events.drop();
      this.#saveMeta({ state: "cut" });
      return;
    }
    this.#pending += events.join("");
    if (this.#pending.length >= blockBytesMax) this.#flush();
    else this.#flushTimer ??= this.#options.world.timers.after(flushPeriodMs, () => this.#flush());
  }

  #flush(): void {
    this.#flushTimer?.cancel();
    this.#flushTimer = undefined;
    if (this.#pending === "") return;
    const { store, place } = this.#options;
    const text = this.#pending;
    const index = this.#meta.blocks;
    this.#pending = "";
    this.#meta = { ...this.#meta, blocks: index + 1 };
    this.#store(() => store.putBlock(place, index, text));
  }

  #saveMeta(change: Partial<StreamMeta>): void {
    this.#meta = { ...this.#meta, ...change };
    const meta = this.#meta;
    this.#store(() => this.#options.store.update(this.#options.place, meta));
  }

  /** In order; a store that is away costs the others what they could have resumed, no more. */
  #store(run: () => Promise<void>): void {
    this.#stored = this.#stored.then(run).catch((error: unknown) => {
      this.#options.log.warn("answer_not_kept", { error: String(error) });
    });
  }

  onDrain(run: () => void): void {
    const listener = this.#listener;
    if (listener === undefined) {
      run();
      return;
    }
    this.#onDrain.push(run);
    listener.exchange.onDrain(() => this.#release());
  }

  end(trailers?: HeaderFields): void {
    if (this.#state !== "events" && this.#state !== "body") return;
    this.#listener?.exchange.end(trailers);
    this.#close("whole");
    this.#finished();
  }

  cut(): void {
    if (this.#state === "over") return;
    this.#listener?.exchange.cut();
    this.#close("cut");
    this.#finished();
  }

  #close(state: "whole" | "cut"): void {
    const wasOpen = this.#state === "open" && this.#meta.status === 0;
    this.#state = "over";
    this.#grace?.cancel();
    this.#beat.cancel();
    const { store, place } = this.#options;
    const isTooLong = this.#bodyText.length > this.#options.bytesMax;
    if (!this.#isKept || wasOpen || isTooLong) {
      this.#flushTimer?.cancel();
      const isRepeatable = wasOpen || isTooLong || this.#meta.status >= 400;
      if (isRepeatable) this.#store(() => store.forget(place));
    } else {
      if (this.#meta.kind === "body") this.#pending = this.#bodyText;
      this.#flush();
      this.#saveMeta({ state });
    }
    void this.#stored.then(() => this.#options.onOver());
  }

  #finished(): void {
    this.#onAbort = [];
    for (const run of this.#onFinish.splice(0)) run();
  }

  onAbort(run: () => void): void {
    if (this.#state !== "over") this.#onAbort.push(run);
  }

  onFinish(run: () => void): void {
    if (this.#state === "over") run();
    else this.#onFinish.push(run);
  }
}

/** Without the token for the router: it would keep numbered events, which are not those it is for. */
function linesOf(headers: HeaderFields | EncodedFields): string {
  const { lines } = "lines" in headers ? headers : encodeFields(headers);
  return lines.replace(/^x-tandem-handover:[^\r]*\r\n/im, "");
}

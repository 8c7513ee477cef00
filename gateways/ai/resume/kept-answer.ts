import type { EncodedFields, Exchange, HeaderFields, RequestHead } from "@tandem/libs/http";
import { encodeFields } from "@tandem/libs/http";
import type { Fault } from "@tandem/libs/kernel";
import type { Log } from "@tandem/libs/telemetry";
import type { Timer, World } from "@tandem/libs/world";
import { EventLog, isComment } from "../core/stream/event-log.ts";
import { endedComment, handOverField } from "../hand-over/hand-over.ts";
import type { AnswerListener } from "./answer-listener.ts";
import {
  canceledMaker,
  type StreamMeta,
  type StreamPlace,
  type StreamStore,
} from "./stream-store.ts";

export interface KeptAnswerOptions {
  readonly world: World;
  readonly log: Log;
  readonly store: StreamStore;
  readonly place: StreamPlace;
  readonly meta: StreamMeta;
  /** The request, as the phases are to see it. */
  readonly head: RequestHead;
  readonly body: Buffer;
  /** What another replica has said of it; this one goes on behind that. */
  readonly events: readonly string[];
  /** How long an answer nobody listens to goes on. */
  readonly graceMs: number;
  readonly bytesMax: number;
  /** Nobody will write to it any more, and all is in the store. */
  onOver(): void;
}

/** Often enough for readers, and seldom enough for the store. */
const flushPeriodMs = 10;
const beatPeriodMs = 1_000;

/**
 * An answer that outlives the connection on which it was asked for: the phases see an exchange that
 * goes on; who listens may leave and come back, here or, by the store, at another replica. States:
 * open → body (a whole answer in pieces) or events → over. When nobody has listened for `graceMs`,
 * or it grows beyond what is kept, it is what it would have been without this: the client has left.
 *
 * Events are in the store before anybody is told of them: so whoever goes on with the answer when
 * this replica is killed has all that its client has. A store that is away is not waited for.
 */
export class KeptAnswer implements Exchange {
  readonly head: RequestHead;
  readonly protocol: Exchange["protocol"];
  readonly remoteAddress: string;
  readonly #options: KeptAnswerOptions;
  readonly #events: EventLog;
  #meta: StreamMeta;
  #state: "open" | "body" | "events" | "over" = "open";
  #isKept: boolean = true;
  /** It was ended in the middle on purpose: nobody is to go on with it. */
  #isEnded: boolean = false;
  #bodyText = "";
  /** Events that nobody was told yet, and the number of the last one that was told. */
  #fresh: string[] = [];
  #told: number;
  #isFlushing: boolean = false;
  #flushedAtMs = Number.NEGATIVE_INFINITY;
  #listener: AnswerListener | undefined;
  #grace: Timer | undefined;
  #flushTimer: Timer | undefined;
  #stored: Promise<void> = Promise.resolve();
  readonly #beat: Timer;
  #onAbort: (() => void)[] = [];
  #onFinish: (() => void)[] = [];
  #onDrain: (() => void)[] = [];

  constructor(first: Exchange, options: KeptAnswerOptions) {
    this.head = options.head;
    this.protocol = first.protocol;
    this.remoteAddress = first.remoteAddress;
    this.#options = options;
    this.#meta = options.meta;
    this.#events = new EventLog(options.events);
    this.#told = options.events.length;
    this.#beat = options.world.timers.every(beatPeriodMs, () => this.#checkIn());
  }

  /** Complete, or it never will be: the store has what there is. */
  get isOver(): boolean {
    return this.#state === "over";
  }

  get meta(): StreamMeta {
    return this.#meta;
  }

  /** Tells it from now on; whoever was told before is let go. */
  tell(listener: AnswerListener): void {
    this.#listener?.exchange.cut();
    this.#grace?.cancel();
    this.#listener = listener;
    if (this.#state === "events" || this.#state === "body") this.#introduce(listener);
    listener.exchange.onAbort(() => this.#lost(listener));
    this.#release();
  }

  #introduce(listener: AnswerListener): void {
    listener.start(this.#meta);
    if (this.#state === "body") listener.exchange.write(this.#bodyText);
    else listener.tell(this.#events.between(listener.after, this.#told), () => this.#release());
  }

  #lost(listener: AnswerListener): void {
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

  /** The client does not want it any more, or somebody else has taken it over. */
  abort(): void {
    if (this.#state === "over") return;
    const runs = this.#onAbort.splice(0);
    this.#isEnded = true;
    this.#listener?.exchange.cut();
    this.#close("cut");
    for (const run of runs) run();
    this.#finished();
  }

  /** Says that it is being made, and hears whether it still is ours to make. */
  #checkIn(): void {
    this.#saveMeta({ beat: this.#meta.beat + 1 });
    const { store, place, log } = this.#options;
    store.makerOf(place).then(
      (maker) => {
        if (maker === undefined || maker === this.#meta.maker) return;
        if (maker !== canceledMaker) log.warn("answer_taken_over", { maker });
        this.abort();
      },
      // A store that is away tells nobody else of it either.
      () => undefined,
    );
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

  /** Told behind what was said before it, and before what is said of it. */
  readonly noteFault = (fault: Fault): void => {
    const note = (): void => this.#listener?.exchange.noteFault?.(fault);
    if (!this.isEvents) {
      note();
      return;
    }
    this.#flush();
    void this.#stored.then(note);
  };

  respond(status: number, headers: HeaderFields | EncodedFields, body: Buffer | string): void {
    if (this.#state !== "open") return;
    this.#listener?.refuse(status, headers, body);
    if (this.#events.count > 0) {
      // Nobody could go on with it now; what there is stays for who comes later.
      this.#close("left");
      this.#finished();
      return;
    }
    this.#meta = { ...this.#meta, kind: "body", status, lines: splitLines(headers).lines };
    this.#bodyText = body.toString();
    // What was refused was not done: the same name may be tried again.
    if (status >= 400) this.#isKept = false;
    this.#close("whole");
    this.#finished();
  }

  startStream(status: number, headers: HeaderFields | EncodedFields): void {
    if (this.#state !== "open") return;
    const { lines, handOver } = splitLines(headers);
    const kind = /^content-type: text\/event-stream/im.test(lines) ? "events" : "body";
    this.#meta = { ...this.#meta, kind, status, lines, handOver };
    this.#state = kind;
    if (this.#listener !== undefined) this.#introduce(this.#listener);
    this.#saveMeta({});
  }

  write(chunk: Buffer | string): boolean {
    const text = chunk.toString();
    if (this.#state === "body") {
      this.#bodyText += text;
      return this.#listener?.exchange.write(chunk) ?? true;
    }
    if (this.#state !== "events") return true;
    if (text.endsWith(endedComment)) this.#isEnded = true;
    const events = this.#events.add(text);
    if (events.length > 0) this.#keep(events);
    // A sign of life says nothing where something is about to be said.
    else if (isComment(text) && this.#fresh.length === 0) this.#listener?.exchange.write(text);
    return this.#listener?.hasRoom ?? true;
  }

  #keep(events: readonly string[]): void {
    this.#fresh.push(...events);
    if (this.#isKept && this.#events.bytes > this.#options.bytesMax) {
      this.#isKept = false;
      this.#saveMeta({ state: "cut" });
    }
    if (!this.#isKept) this.#events.drop();
    this.#flushSoon();
  }

  #flushSoon(): void {
    if (this.#isFlushing) return;
    const { clock, timers } = this.#options.world;
    const waitMs = this.#flushedAtMs + flushPeriodMs - clock.monotonicMs();
    if (waitMs <= 0) this.#flush();
    else this.#flushTimer ??= timers.after(waitMs, () => this.#flush());
  }

  /** Stores what is fresh, and tells it then. */
  #flush(): void {
    this.#flushTimer?.cancel();
    this.#flushTimer = undefined;
    if (this.#fresh.length === 0) return;
    const events = this.#fresh;
    this.#fresh = [];
    this.#isFlushing = true;
    this.#flushedAtMs = this.#options.world.clock.monotonicMs();
    if (this.#isKept) {
      const { store, place } = this.#options;
      const { blocks: index } = this.#meta;
      this.#meta = { ...this.#meta, blocks: index + 1 };
      const block = { index, text: events.join("") };
      this.#store(() => store.putBlock(place, this.#meta, block));
    }
    void this.#stored.then(() => {
      this.#isFlushing = false;
      const first = this.#told + 1;
      this.#told += events.length;
      this.#listener?.tellFrom(first, events, () => this.#release());
      if (this.#fresh.length > 0) this.#flushSoon();
    });
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
    if (this.#listener?.hasRoom ?? true) run();
    else this.#onDrain.push(run);
  }

  end(trailers?: HeaderFields): void {
    if (this.#state !== "events" && this.#state !== "body") return;
    this.#close("whole", (exchange) => exchange.end(trailers));
    this.#finished();
  }

  cut(): void {
    if (this.#state === "over") return;
    const { isEvents } = this;
    this.#close(isEvents && !this.#isEnded ? "left" : "cut", (exchange) => {
      if (isEvents && this.#isEnded) exchange.write(endedComment);
      exchange.cut();
    });
    this.#finished();
  }

  get isEvents(): boolean {
    return this.#state === "events";
  }

  /** `tellEnd` is done when everything before it was told. */
  #close(state: StreamMeta["state"], tellEnd?: (exchange: Exchange) => void): void {
    const wasOpen = this.#state === "open" && this.#meta.status === 0;
    const isBody = this.#meta.kind === "body";
    this.#state = "over";
    this.#grace?.cancel();
    this.#beat.cancel();
    const { store, place } = this.#options;
    const isTooLong = this.#bodyText.length > this.#options.bytesMax;
    this.#flush();
    void this.#stored.then(() => {
      if (this.#listener !== undefined) tellEnd?.(this.#listener.exchange);
    });
    if (!this.#isKept || wasOpen || isTooLong) {
      const isRepeatable = wasOpen || isTooLong || this.#meta.status >= 400;
      if (isRepeatable) this.#store(() => store.forget(place));
    } else {
      if (isBody && state === "whole") {
        const block = { index: 0, text: this.#bodyText };
        this.#meta = { ...this.#meta, blocks: 1 };
        this.#store(() => store.putBlock(place, this.#meta, block));
      }
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

/** The token for the router goes with each answer to it, and is kept apart from the lines. */
function splitLines(headers: HeaderFields | EncodedFields): Pick<StreamMeta, "lines" | "handOver"> {
  const { lines } = "lines" in headers ? headers : encodeFields(headers);
  const token = new RegExp(`^${handOverField}: ([^\\r]*)\\r\\n`, "im").exec(lines);
  return { lines: lines.replace(token?.[0] ?? "", ""), handOver: token?.[1] ?? "" };
}

import type { EncodedFields, Exchange, HeaderFields, RequestHead } from "@tandem/libs/http";
import type { Fault } from "@tandem/libs/kernel";
import type { Timer } from "@tandem/libs/world";
import { EventLog, isComment } from "../core/stream/event-log.ts";
import { endedComment } from "../hand-over/hand-over.ts";
import { AnswerKeeper } from "./answer-keeper.ts";
import type { AnswerListener } from "./answer-listener.ts";
import type { Backing, Failure } from "./backing.ts";
import type { KeptAnswerOptions } from "./kept-answer-options.ts";
import { splitLines } from "./split-lines.ts";
import { canceledMaker, type StreamMeta } from "./stream-store.ts";

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
 *
 * One with a `Backing` waits for the store, and its end is fenced: stored, then made the only one,
 * then told. Whoever cancels it or takes it over a moment before has won, and nobody sees both.
 */
export class KeptAnswer implements Exchange {
  readonly head: RequestHead;
  readonly protocol: Exchange["protocol"];
  readonly remoteAddress: string;
  readonly #options: KeptAnswerOptions;
  readonly #events: EventLog;
  readonly #keeper: AnswerKeeper;
  #state: "open" | "body" | "events" | "over" = "open";
  #isKept: boolean = true;
  /** It was ended in the middle on purpose: nobody is to go on with it. */
  #isEnded: boolean = false;
  #bodyText = "";
  /** Events that nobody was told yet, and the number of the last one that was told. */
  #fresh: string[] = [];
  #told: number;
  /** The last words of one whose end is fenced. */
  #last: readonly string[] = [];
  #isFlushing: boolean = false;
  #flushedAtMs = Number.NEGATIVE_INFINITY;
  #listener: AnswerListener | undefined;
  #grace: Timer | undefined;
  #flushTimer: Timer | undefined;
  readonly #beat: Timer;
  #onAbort: (() => void)[] = [];
  #onFinish: (() => void)[] = [];
  #onDrain: (() => void)[] = [];

  constructor(options: KeptAnswerOptions) {
    const { request, backing } = options;
    this.head = request.head;
    this.protocol = request.protocol;
    this.remoteAddress = request.remoteAddress;
    this.#options = options;
    this.#keeper = new AnswerKeeper({
      ...options,
      patienceMs: backing?.patienceMs ?? 0,
      onGap: () => backing !== undefined && this.abort(),
    });
    this.#events = new EventLog(options.events);
    this.#told = options.events.length;
    this.#beat = options.world.timers.every(beatPeriodMs, () => this.#checkIn());
  }

  /** Complete, or it never will be: the store has what there is. */
  get isOver(): boolean {
    return this.#state === "over";
  }

  get meta(): StreamMeta {
    return this.#keeper.meta;
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
    listener.start(this.meta);
    if (this.#state === "body") listener.exchange.write(this.#bodyText);
    else this.#tellFrom(1, this.#events.between(0, this.#told));
  }

  #tellFrom(first: number, events: readonly string[]): void {
    const listener = this.#listener;
    listener?.tellFrom(first, events, () => this.#release());
    if (this.#options.backing !== undefined && listener?.hasRoom === false) this.#letGo();
  }

  /** Its listener is told by the store: it is slow, or somebody else goes on or has ended it. */
  #letGo(): void {
    const listener = this.#listener;
    this.#listener = undefined;
    if (listener !== undefined) this.#options.backing?.onLetGo(listener);
  }

  #lost(listener: AnswerListener): void {
    if (this.#listener !== listener) return;
    this.#listener = undefined;
    this.#release();
    if (this.#state === "over" || this.#options.backing !== undefined) return;
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
    if (this.#options.backing !== undefined) this.#giveAway();
    else {
      this.#listener?.exchange.cut();
      this.#close("cut");
    }
    for (const run of runs) run();
    this.#finished();
  }

  /** This replica ends before it does: others go on with it. */
  abandon(): void {
    if (this.#state === "over") return;
    const runs = this.#onAbort.splice(0);
    this.#close("left");
    this.#letGo();
    for (const run of runs) run();
    this.#finished();
  }

  /** Says that it is being made, and hears whether it still is ours to make. */
  #checkIn(): void {
    this.#keeper.save({ beat: this.meta.beat + 1 });
    // A store that is away tells nobody else of it either.
    void this.#keeper.maker().then((maker) => {
      if (maker === undefined || maker === this.meta.maker || this.#state === "over") return;
      if (maker !== canceledMaker) this.#options.log.warn("answer_taken_over", { maker });
      this.abort();
    });
  }

  readBody(): Promise<Buffer> {
    return Promise.resolve(this.#options.request.body);
  }

  streamBody(handlers: { onChunk(chunk: Buffer): void; onEnd(): void }): void {
    handlers.onChunk(this.#options.request.body);
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
    void this.#keeper.stored.then(note);
  };

  respond(status: number, headers: HeaderFields | EncodedFields, body: Buffer | string): void {
    if (this.#state !== "open") return;
    if (this.#options.backing !== undefined && this.#events.count > 0) {
      this.#refused(this.#options.backing, { status, body: body.toString() });
      return;
    }
    this.#listener?.refuse(status, headers, body);
    if (this.#events.count > 0) {
      // Nobody could go on with it now; what there is stays for who comes later.
      this.#close("left");
      this.#finished();
      return;
    }
    this.#keeper.note({ kind: "body", status, lines: splitLines(headers).lines });
    this.#bodyText = body.toString();
    // What was refused was not done: the same name may be tried again.
    if (status >= 400) this.#isKept = false;
    this.#close("whole");
    this.#finished();
  }

  startStream(status: number, headers: HeaderFields | EncodedFields): void {
    const { lines, handOver } = splitLines(headers);
    // Once more: who makes it is known now, for whoever goes on with it.
    if (this.#state === "events") this.#keeper.save({ handOver });
    if (this.#state !== "open") return;
    const kind = /^content-type: text\/event-stream/im.test(lines) ? "events" : "body";
    this.#keeper.note({ kind, status, lines, handOver });
    this.#state = kind;
    if (this.#listener !== undefined) this.#introduce(this.#listener);
    this.#keeper.save({});
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
    if (this.#options.backing?.isLast(text)) this.#last = events;
    else if (events.length > 0) this.#keep(events);
    // A sign of life says nothing where something is about to be said.
    else if (isComment(text) && this.#fresh.length === 0) this.#listener?.exchange.write(text);
    return this.#options.backing !== undefined || (this.#listener?.hasRoom ?? true);
  }

  #keep(events: readonly string[]): void {
    this.#fresh.push(...events);
    const { backing, bytesMax } = this.#options;
    if (this.#isKept && this.#events.bytes > bytesMax) {
      if (backing !== undefined) {
        this.#fail(backing, backing.tooLong);
        return;
      }
      this.#isKept = false;
      this.#keeper.save({ state: "cut" });
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
    if (this.#isKept) this.#keeper.putBlock(events.join(""));
    void this.#keeper.stored.then(() => {
      this.#isFlushing = false;
      const first = this.#told + 1;
      this.#told += events.length;
      this.#tellFrom(first, events);
      if (this.#fresh.length > 0) this.#flushSoon();
    });
  }

  onDrain(run: () => void): void {
    if (this.#options.backing !== undefined || (this.#listener?.hasRoom ?? true)) run();
    else this.#onDrain.push(run);
  }

  end(trailers?: HeaderFields): void {
    if (this.#state !== "events" && this.#state !== "body") return;
    const { backing } = this.#options;
    if (backing !== undefined) void this.#endFenced("whole");
    else this.#close("whole", (exchange) => exchange.end(trailers));
    this.#finished();
  }

  cut(): void {
    if (this.#state === "over") return;
    const { isEvents } = this;
    const isFenced = this.#options.backing !== undefined;
    if (isFenced && isEvents && this.#isEnded) void this.#endFenced("cut");
    else
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
    const keeper = this.#keeper;
    const { status, kind } = keeper.meta;
    const wasOpen = this.#state === "open" && status === 0;
    this.#stop();
    const isTooLong = this.#bodyText.length > this.#options.bytesMax;
    this.#flush();
    void keeper.stored.then(() => {
      if (this.#listener !== undefined) tellEnd?.(this.#listener.exchange);
    });
    if (!this.#isKept || wasOpen || isTooLong) {
      if (wasOpen || isTooLong || status >= 400) keeper.forget();
    } else {
      if (kind === "body" && state === "whole") {
        keeper.note({ blocks: 0 });
        keeper.putBlock(this.#bodyText);
      }
      keeper.save({ state });
    }
    void keeper.stored.then(() => this.#options.onOver());
  }

  #stop(): void {
    this.#state = "over";
    this.#grace?.cancel();
    this.#beat.cancel();
  }

  /** Others have ended it, or go on with it, in a name of their own. */
  #giveAway(): void {
    this.#stop();
    this.#flushTimer?.cancel();
    this.#fresh = [];
    this.#letGo();
    void this.#keeper.stored.then(() => this.#options.onOver());
  }

  /** Whoever goes on with it was refused: others may try again where that may pass. */
  #refused(backing: Backing, { status, body }: { status: number; body: string }): void {
    const mayPass = status === 429 || status === 503;
    if (mayPass && this.meta.takeOvers < backing.takeOversMax) this.abandon();
    else this.#fail(backing, backing.failureOf(body));
  }

  #fail(backing: Backing, why: Failure): void {
    const runs = this.#onAbort.splice(0);
    const events = this.#events.between(0, this.#events.count);
    this.#last = this.#events.add(backing.failed(events, why).join(""));
    void this.#endFenced("cut");
    for (const run of runs) run();
    this.#finished();
  }

  async #endFenced(how: "whole" | "cut"): Promise<void> {
    this.#stop();
    this.#flush();
    this.#keeper.putEnd(this.#last.join(""));
    this.#keeper.save({ state: how });
    const isMine = await this.#keeper.endAs(how);
    if (isMine && this.#listener !== undefined) this.#tellEnd(this.#listener, how);
    this.#letGo();
    this.#options.onOver();
  }

  #tellEnd(listener: AnswerListener, how: "whole" | "cut"): void {
    if (!listener.hasStarted) this.#introduce(listener);
    this.#tellFrom(this.#told + 1, this.#last);
    // A slow one was let go with that, and is told the end behind it.
    if (this.#listener === undefined) return;
    this.#listener = undefined;
    if (how === "whole") listener.exchange.end();
    else {
      listener.exchange.write(endedComment);
      listener.exchange.cut();
    }
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

import type { ExchangeHandler } from "@tandem/libs/http";
import type { HotSubscription } from "@tandem/libs/store/hot";
import { newId } from "@tandem/libs/world";
import type { AiConfig } from "../config.ts";
import { aiFaults } from "../faults.ts";
import { handOverField, handOverLengthField } from "../hand-over/hand-over.ts";
import type { AiParts } from "../parts.ts";
import { CallHeaders } from "../transports/call-headers.ts";
import type { AnswerListener } from "./answer-listener.ts";
import type { Backing, Failure } from "./backing.ts";
import { type Following, followAnswer, storedEvents } from "./follow-answer.ts";
import { KeptAnswer } from "./kept-answer.ts";
import type { MadeRequest } from "./kept-answer-options.ts";
import type { KnownAnswer, StreamMeta, StreamPlace, StreamStore } from "./stream-store.ts";

/** What one request is made with, by whoever makes it. */
export interface Wanted {
  readonly place: StreamPlace;
  /** The request as it was asked; undefined when it is not to be had any more. */
  request(): Promise<MadeRequest | undefined>;
}

export interface Beginning {
  readonly place: StreamPlace;
  readonly meta: StreamMeta;
  readonly request: MadeRequest;
  /** What another replica has said. */
  readonly events?: readonly string[];
  readonly listener?: AnswerListener | undefined;
}

export interface AnswerDeskOptions {
  readonly parts: Pick<AiParts, "world" | "log" | "streams"> & {
    readonly config: {
      readonly resume: Pick<AiConfig["resume"], "graceMs">;
      readonly streams: Pick<AiConfig["streams"], "drainMs">;
    };
  };
  readonly store: StreamStore;
  readonly next: ExchangeHandler;
  readonly bytesMax: number;
  readonly canceled?: Following["canceled"];
  /** For answers that are made for nobody in particular. */
  readonly backingOf?: (place: StreamPlace) => Backing;
  /** Nothing more happens here to this answer. */
  readonly onOver?: (place: StreamPlace, answer: KeptAnswer) => void;
}

/** How often one request may find that who was to tell it is gone. */
const takeOversMax = 8;
/** What others get to go on with it at leisure, of the time that there is for an end. */
const patienceShare = 0.8;

/**
 * The answers that this replica makes and keeps, and the way to one that another replica makes or
 * made: told from the store, and taken over by one compare-and-set where its maker is gone.
 */
export class AnswerDesk {
  readonly #options: AnswerDeskOptions;
  readonly #lives = new Map<string, KeptAnswer>();
  #onEmpty: (() => void) | undefined;
  /** Of what is canceled at other replicas, from the first answer that is made here on. */
  #hearing: Promise<HotSubscription | undefined> | undefined;

  constructor(options: AnswerDeskOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#lives.size;
  }

  /** The answers that are made here. */
  get places(): readonly StreamPlace[] {
    return [...this.#lives.keys()].map((key) => {
      const [organisationId = "", id = ""] = key.split(" ");
      return { organisationId, id };
    });
  }

  abort(place: StreamPlace): void {
    this.#lives.get(lifeKey(place))?.abort();
  }

  has(place: StreamPlace): boolean {
    return this.#lives.has(lifeKey(place));
  }

  /** What is made here, unless somebody else has taken it over meanwhile. */
  async liveAt(place: StreamPlace): Promise<KeptAnswer | undefined> {
    const live = this.#lives.get(lifeKey(place));
    if (live === undefined || live.isOver) return undefined;
    const maker = await this.#options.store.makerOf(place).catch(() => undefined);
    if (maker !== undefined && maker !== live.meta.maker) live.abort();
    return live.isOver ? undefined : live;
  }

  begin({ place, meta, request, events = [], listener }: Beginning): void {
    const { parts, store, next, bytesMax, backingOf, onOver } = this.#options;
    const { world, log, config } = parts;
    const key = lifeKey(place);
    this.#hear();
    const answer = new KeptAnswer({
      ...{ world, log, store, place, meta, events, bytesMax },
      request: asMade(request, meta, events),
      graceMs: config.resume.graceMs,
      backing: backingOf?.(place),
      onOver: () => {
        if (this.#lives.get(key) === answer) this.#lives.delete(key);
        onOver?.(place, answer);
        if (this.#lives.size === 0) this.#onEmpty?.();
      },
    });
    this.#lives.set(key, answer);
    if (listener !== undefined) answer.tell(listener);
    next(answer);
  }

  #hear(): void {
    const { store } = this.#options;
    // With the store away the next answer tries again; until then each is asked for at its beat.
    this.#hearing ??= store
      .hearCanceled((place) => this.abort(place))
      .catch(() => {
        this.#hearing = undefined;
        return undefined;
      });
  }

  /** Tells what the store has of it, and waits for more. */
  async follow(listener: AnswerListener, place: StreamPlace, meta: KnownAnswer) {
    const { parts, store, canceled } = this.#options;
    const { world } = parts;
    const given = { world, store, place, meta, ...(canceled && { canceled }) };
    return followAnswer(listener, given);
  }

  /** Tells what another replica makes or made; has the rest made where that one is gone. */
  async goOn(
    listener: AnswerListener,
    wanted: Wanted,
    given: { readonly isOrphaned: boolean; readonly check?: (meta: StreamMeta) => void },
  ): Promise<void> {
    const { store, backingOf } = this.#options;
    const { place } = wanted;
    for (let tries = 0; tries < takeOversMax; tries += 1) {
      const meta = await store.read(place);
      if (meta === undefined) throw aiFaults.answer_gone();
      given.check?.(meta);
      // The router has seen the connection to its maker break: nobody needs to wait for a sign.
      const isOrphaned = given.isOrphaned && tries === 0 && meta.state === "running";
      if (!isOrphaned || meta.ended !== undefined) {
        const followed = await this.follow(listener, place, meta);
        if (followed === "told" || followed === "left") return;
        if (followed === "lost") break;
      }
      const own = backingOf === undefined ? listener : undefined;
      if ((await this.takeOver(wanted, own)) && own !== undefined) return;
    }
    throw aiFaults.answer_lost();
  }

  /** False when somebody else did, or it is over. */
  async takeOver(wanted: Wanted, listener?: AnswerListener): Promise<boolean> {
    const { parts, store, backingOf } = this.#options;
    const { place } = wanted;
    const former = await store.read(place);
    if (former === undefined) throw aiFaults.answer_gone();
    if (former.ended !== undefined) return false;
    const isStream = former.kind === "events" && former.status > 0;
    const events = isStream ? await storedEvents(store, { place, meta: former }) : [];
    // The store was away when the client was told more than it has: nobody knows that part.
    if (events.length < (listener?.after ?? 0)) throw aiFaults.answer_lost();
    const mine: StreamMeta = {
      ...former,
      maker: newId(parts.world, "mak"),
      ...{ state: "running", beat: 0, blocks: events.length > 0 ? 1 : 0 },
      takeOvers: former.takeOvers + 1,
    };
    const backing = backingOf?.(place);
    const request = await wanted.request();
    if (!(await store.takeOver(place, { former, mine, text: events.join("") }))) return false;
    const isHopeless = mine.takeOvers > (backing?.takeOversMax ?? Number.POSITIVE_INFINITY);
    if (request !== undefined && !isHopeless) {
      this.begin({ place, meta: mine, request, events, listener });
    } else if (backing !== undefined) {
      const why = isHopeless ? tooOften : requestGone;
      await store.putEnd(place, mine, backing.failed(events, why).join(""));
      await store.endAs(place, mine, { how: "cut", blocks: mine.blocks });
    }
    return true;
  }

  /** Waits until the answers that nobody is connected to are complete. */
  async close(options: { readonly deadlineMs: number }): Promise<void> {
    if (this.#lives.size > 0) await this.#drain(options);
    const subscription = await this.#hearing;
    await subscription?.close().catch(() => undefined);
  }

  async #drain({ deadlineMs }: { readonly deadlineMs: number }): Promise<void> {
    const { parts, backingOf } = this.#options;
    const { timers } = parts.world;
    const isMoved = backingOf !== undefined;
    const drainMs = Math.min(parts.config.streams.drainMs, deadlineMs * patienceShare);
    // Others go on with what is not complete by then; the deadline is for what cannot be moved.
    const mover = isMoved ? timers.after(drainMs, () => parts.streams.moveAll()) : undefined;
    await new Promise<void>((resolve) => {
      const deadline = timers.after(deadlineMs, resolve);
      this.#onEmpty = () => {
        deadline.cancel();
        resolve();
      };
    });
    mover?.cancel();
    for (const answer of this.#lives.values()) {
      if (isMoved) answer.abandon();
      else answer.abort();
    }
  }
}

const tooOften: Failure = {
  code: "answer_lost",
  message: "Whoever made this answer was gone too often for it to be completed. Ask anew.",
};
const requestGone: Failure = {
  code: "answer_lost",
  message: "Whoever made this answer is gone, and its request is not kept any more. Ask anew.",
};

function lifeKey({ organisationId, id }: StreamPlace): string {
  return `${organisationId} ${id}`;
}

/**
 * The request as the phases see it: under the id by which it was begun, so that it is settled once
 * whoever completes it; and, where something was said, as the router would bring it (ADR 202).
 */
function asMade(
  { head, body: asked, protocol, remoteAddress }: MadeRequest,
  meta: StreamMeta,
  events: readonly string[],
): MadeRequest {
  const { method, target, path, query, headers: given } = head;
  const hasBegun = events.length > 0;
  const headers = new CallHeaders(given, {
    "x-request-id": meta.requestId,
    [handOverField]: hasBegun ? meta.handOver : undefined,
    [handOverLengthField]: hasBegun ? `${asked.length}` : undefined,
  });
  const body = hasBegun ? Buffer.concat([asked, Buffer.from(events.join(""))]) : asked;
  const contentLength = body.length;
  return {
    ...{ body, protocol, remoteAddress },
    head: { method, target, path, query, headers, contentLength },
  };
}

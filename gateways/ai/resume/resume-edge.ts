import { createHash } from "node:crypto";
import type { Exchange, ExchangeHandler } from "@tandem/libs/http";
import { Fault, isId } from "@tandem/libs/kernel";
import type { HotStore } from "@tandem/libs/store";
import { newId } from "@tandem/libs/world";
import { dialectFor, routeAt } from "../dialects/routes.ts";
import { aiFaults } from "../faults.ts";
import { handOverBytesMax, handOverField, handOverLengthField } from "../hand-over/hand-over.ts";
import type { AiParts } from "../parts.ts";
import { identify } from "../reads/answer-read.ts";
import { CallHeaders } from "../transports/call-headers.ts";
import { AnswerListener } from "./answer-listener.ts";
import { followAnswer, storedEvents } from "./follow-answer.ts";
import { KeptAnswer, type KeptAnswerOptions } from "./kept-answer.ts";
import { placeOf, type StreamMeta, type StreamPlace, StreamStore } from "./stream-store.ts";

const wellFormedName = /^[\x21-\x7e]{1,255}$/;
const eventNumber = /^\d{1,9}$/;

/**
 * Requests that carry an `Idempotency-Key` are answered once, and can be asked for again for a day:
 * while the answer is being made its client may lose the connection, come back through any router
 * and any replica with `Last-Event-ID`, and is told the rest. Everything else passes by.
 */
export class ResumeEdge {
  readonly store: StreamStore;
  readonly #parts: AiParts;
  readonly #next: ExchangeHandler;
  readonly #lives = new Map<string, KeptAnswer>();
  #onEmpty: (() => void) | undefined;

  constructor(given: {
    readonly parts: AiParts;
    readonly hotStore: HotStore;
    readonly next: ExchangeHandler;
  }) {
    this.#parts = given.parts;
    this.#next = given.next;
    this.store = new StreamStore(given.hotStore, { ttlMs: given.parts.config.resume.keepMs });
  }

  readonly handle: ExchangeHandler = (exchange) => {
    const { headers, method, path } = exchange.head;
    const isNamed = headers.has("idempotency-key") && routeAt(path) !== undefined;
    const isFull = this.#lives.size >= this.#parts.config.resume.answersMax;
    const run =
      isNamed && method === "DELETE"
        ? this.#cancel(exchange)
        : isNamed && method === "POST" && !isFull && this.#open(exchange);
    if (run === false) this.#next(exchange);
    else {
      run.catch((error: unknown) => {
        refuse(exchange, Fault.from(error), this.#parts);
      });
    }
  };

  /** The client does not want that answer any more. */
  cancel(place: StreamPlace): void {
    this.#lives.get(lifeKey(place))?.abort();
    this.store.cancel(place).catch((error: unknown) => {
      this.#parts.log.warn("answer_not_canceled", { error: String(error) });
    });
  }

  async #cancel(exchange: Exchange): Promise<void> {
    const place = await placeAsked(exchange, this.#parts);
    this.#lives.get(lifeKey(place))?.abort();
    await this.store.cancel(place);
    exchange.respond(204, [], "");
  }

  /** Tells the rest of an answer to one who has shown whose it is; nothing is begun anew. */
  async goOnFrom(exchange: Exchange, place: StreamPlace, after: number): Promise<void> {
    try {
      const listener = new AnswerListener(exchange, after);
      const live = await this.#liveAt(place);
      if (live !== undefined) {
        live.tell(listener);
        return;
      }
      const { store } = this;
      const { world } = this.#parts;
      const meta = await store.read(place);
      if (meta === undefined) throw aiFaults.answer_gone();
      const followed = await followAnswer(listener, { world, store, place, meta });
      if (followed === "orphaned" || followed === "lost") throw aiFaults.answer_lost();
    } catch (error) {
      refuse(exchange, Fault.from(error), this.#parts);
    }
  }

  /** Waits until the answers that nobody is connected to are complete. */
  async close({ deadlineMs }: { readonly deadlineMs: number }): Promise<void> {
    if (this.#lives.size === 0) return;
    await new Promise<void>((resolve) => {
      this.#onEmpty = resolve;
      this.#parts.world.timers.after(deadlineMs, resolve);
    });
    for (const answer of this.#lives.values()) answer.abort();
  }

  async #open(exchange: Exchange): Promise<void> {
    if (await this.#isUnkept(exchange)) {
      this.#next(exchange);
      return;
    }
    const asked = await readAsked(exchange, this.#parts);
    const live = await this.#liveAt(asked.place);
    if (live !== undefined) {
      checkFingerprint(live.meta, asked);
      live.tell(new AnswerListener(exchange, asked.after));
      return;
    }
    const meta = newMeta(asked, newId(this.#parts.world, "mak"));
    if (await this.#claim(asked, meta)) this.#begin(exchange, { asked, meta });
    else await this.#goOn(exchange, asked);
  }

  /** The router brings one that was not kept; all of it, so that it is gone on with as others are. */
  async #isUnkept(exchange: Exchange): Promise<boolean> {
    const { headers } = exchange.head;
    if (!headers.has(handOverField) || headers.has("last-event-id")) return false;
    const place = await placeAsked(exchange, this.#parts);
    return (await this.store.makerOf(place).catch(() => undefined)) === undefined;
  }

  /** What is made here, unless somebody else has taken it over meanwhile. */
  async #liveAt(place: StreamPlace): Promise<KeptAnswer | undefined> {
    const live = this.#lives.get(lifeKey(place));
    if (live === undefined || live.isOver) return undefined;
    const maker = await this.store.makerOf(place).catch(() => undefined);
    if (maker !== undefined && maker !== live.meta.maker) live.abort();
    return live.isOver ? undefined : live;
  }

  async #claim({ place, after }: Asked, meta: StreamMeta): Promise<boolean> {
    if (after === 0) {
      // A store that cannot say whether there is one has told nobody of one either.
      return this.store.claim(place, meta).catch((error: unknown) => {
        this.#parts.log.warn("answer_not_claimed", { error: String(error) });
        return true;
      });
    }
    if ((await this.store.makerOf(place)) === undefined) throw aiFaults.answer_gone();
    return false;
  }

  #begin(exchange: Exchange, given: Beginning): void {
    const { world, log, config } = this.#parts;
    const { asked, meta, events = [], listener } = given;
    const key = lifeKey(asked.place);
    const answer = new KeptAnswer(exchange, {
      ...{ world, log, store: this.store, place: asked.place, meta, events },
      ...requestOf(exchange, given),
      graceMs: config.resume.graceMs,
      bytesMax: config.resume.answerBytes,
      onOver: () => {
        if (this.#lives.get(key) === answer) this.#lives.delete(key);
        if (this.#lives.size === 0) this.#onEmpty?.();
      },
    });
    this.#lives.set(key, answer);
    answer.tell(listener ?? new AnswerListener(exchange, asked.after));
    this.#next(answer);
  }

  /** Tells what another replica makes or made; makes the rest where that one is gone. */
  async #goOn(exchange: Exchange, asked: Asked): Promise<void> {
    const { store } = this;
    const { world } = this.#parts;
    const { place } = asked;
    const listener = new AnswerListener(exchange, asked.after);
    for (let tries = 0; tries < takeOversMax; tries += 1) {
      const meta = await store.read(place);
      if (meta === undefined) throw aiFaults.answer_gone();
      checkFingerprint(meta, asked);
      // The router has seen the connection to its maker break: nobody needs to wait for a sign.
      const isOrphaned = asked.isHandedOver && tries === 0 && meta.state === "running";
      if (!isOrphaned) {
        const followed = await followAnswer(listener, { world, store, place, meta });
        if (followed === "told" || followed === "left") return;
        if (followed === "lost") break;
      }
      if (await this.#takeOver(exchange, { asked, listener })) return;
    }
    throw aiFaults.answer_lost();
  }

  /** False when somebody else did. */
  async #takeOver(
    exchange: Exchange,
    { asked, listener }: { readonly asked: Asked; readonly listener: AnswerListener },
  ): Promise<boolean> {
    const { store } = this;
    const { place } = asked;
    const former = await store.read(place);
    if (former === undefined) throw aiFaults.answer_gone();
    const isStream = former.kind === "events" && former.status > 0;
    const events = isStream ? await storedEvents(store, { place, meta: former }) : [];
    // The store was away when the client was told more than it has: nobody knows that part.
    if (events.length < listener.after) throw aiFaults.answer_lost();
    const maker = newId(this.#parts.world, "mak");
    const blocks = events.length > 0 ? 1 : 0;
    const mine: StreamMeta = { ...former, maker, state: "running", beat: 0, blocks };
    const text = events.join("");
    if (!(await store.takeOver(place, { former, mine, text }))) return false;
    this.#begin(exchange, { asked, meta: mine, events, listener });
    return true;
  }
}

/** How often one request may find that who was to tell it is gone. */
const takeOversMax = 8;

interface Beginning {
  readonly asked: Asked;
  readonly meta: StreamMeta;
  /** What another replica has said. */
  readonly events?: readonly string[];
  readonly listener?: AnswerListener;
}

/**
 * The request as the phases see it: under the id by which it was begun, so that it is settled once
 * whoever completes it; and, where something was said, as the router would bring it (ADR 202).
 */
function requestOf(
  exchange: Exchange,
  { asked, meta, events = [] }: Beginning,
): Pick<KeptAnswerOptions, "head" | "body"> {
  const { method, target, path, query, headers: given } = exchange.head;
  const hasBegun = events.length > 0;
  const headers = new CallHeaders(given, {
    "x-request-id": meta.requestId,
    [handOverField]: hasBegun ? meta.handOver : undefined,
    [handOverLengthField]: hasBegun ? `${asked.body.length}` : undefined,
  });
  const body = hasBegun ? Buffer.concat([asked.body, Buffer.from(events.join(""))]) : asked.body;
  const head = { method, target, path, query, headers, contentLength: body.length };
  return { head, body };
}

/** A request by a name, as it was read. */
interface Asked {
  readonly place: StreamPlace;
  readonly body: Buffer;
  readonly fingerprint: string;
  readonly requestId: string;
  /** The last event that the client has; 0 for none. */
  readonly after: number;
  /** The router brings it, since the replica that gave it is gone. */
  readonly isHandedOver: boolean;
}

/** Whose answer is meant. Throws why it cannot be said. */
async function placeAsked(exchange: Exchange, parts: AiParts): Promise<StreamPlace> {
  const name = exchange.head.headers.get("idempotency-key") ?? "";
  if (!wellFormedName.test(name)) {
    throw aiFaults.invalid_parameter({
      publicMessage: "Invalid `Idempotency-Key`: 1 to 255 visible characters.",
      context: { parameter: "Idempotency-Key" },
    });
  }
  const { identity } = await identify(exchange, parts);
  return placeOf(identity.claims, name);
}

async function readAsked(exchange: Exchange, parts: AiParts): Promise<Asked> {
  const { headers, path } = exchange.head;
  const last = headers.get("last-event-id") ?? "0";
  if (!eventNumber.test(last)) {
    throw aiFaults.invalid_parameter({
      publicMessage: "Invalid `Last-Event-ID`: it must be the number of an event.",
      context: { parameter: "Last-Event-ID" },
    });
  }
  const place = await placeAsked(exchange, parts);
  const isHandedOver = headers.has(handOverField);
  const beyond = isHandedOver ? handOverBytesMax : 0;
  const whole = await exchange.readBody(parts.config.bodyLimitBytes + beyond);
  const requestBytes = Number(headers.get(handOverLengthField) ?? whole.length);
  const body = isHandedOver ? whole.subarray(0, requestBytes) : whole;
  const after = Math.max(Number(last), lastNumberIn(whole.subarray(body.length)));
  const fingerprint = createHash("sha256").update(`${path}\n`).update(body).digest("base64url");
  const requestId = requestIdOf(exchange, parts);
  return { place, body, fingerprint, requestId, after, isHandedOver };
}

/** Of the events that the client was sent, as the router has kept them. */
function lastNumberIn(sent: Buffer): number {
  const numbers = [...sent.toString("latin1").matchAll(/^id: (\d{1,9})$/gm)];
  return Number(numbers.at(-1)?.[1] ?? 0);
}

function requestIdOf({ head }: Exchange, { world }: Pick<AiParts, "world">): string {
  const given = head.headers.get("x-request-id");
  return given !== undefined && isId("req", given) ? given : newId(world, "req");
}

function newMeta({ fingerprint, requestId }: Asked, maker: string): StreamMeta {
  const nothing = { status: 0, lines: "", handOver: "", blocks: 0, beat: 0 };
  return { maker, requestId, fingerprint, state: "running", kind: "body", ...nothing };
}

function checkFingerprint(known: { readonly fingerprint: string }, { fingerprint }: Asked): void {
  if (known.fingerprint !== fingerprint) throw aiFaults.idempotency_mismatch();
}

function lifeKey({ organisationId, id }: StreamPlace): string {
  return `${organisationId} ${id}`;
}

/** In the dialect of the path; as an event where the answer has begun. */
function refuse(exchange: Exchange, fault: Fault, { world }: AiParts): void {
  const { head } = exchange;
  const requestId = requestIdOf(exchange, { world });
  const dialect = dialectFor(head);
  exchange.noteFault?.(fault);
  const fields = [
    ["content-type", "application/json"] as const,
    ["x-request-id", requestId] as const,
    ...dialect.retryFields(fault),
  ];
  const status = dialect.statusOf(fault, fault.httpStatus);
  exchange.respond(status, fields, dialect.errorBody(fault, requestId));
  // Both do nothing where the answer was not begun, or was just given whole.
  exchange.write(dialect.errorEvent(fault, requestId));
  exchange.cut();
}

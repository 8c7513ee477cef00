import { createHash } from "node:crypto";
import type { Exchange, ExchangeHandler } from "@tandem/libs/http";
import { Fault, isId } from "@tandem/libs/kernel";
import type { HotStore } from "@tandem/libs/store/hot";
import { newId } from "@tandem/libs/world";
import { dialectFor, routeAt } from "../dialects/routes.ts";
import { aiFaults } from "../faults.ts";
import { handOverBytesMax, handOverField, handOverLengthField } from "../hand-over/hand-over.ts";
import type { AiParts } from "../parts.ts";
import { identify } from "../reads/answer-read.ts";
import { AnswerDesk } from "./answer-desk.ts";
import { AnswerListener } from "./answer-listener.ts";
import {
  newStreamMeta,
  placeOf,
  type StreamMeta,
  type StreamPlace,
  StreamStore,
} from "./stream-store.ts";

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
  readonly #desk: AnswerDesk;

  constructor(given: {
    readonly parts: AiParts;
    readonly hotStore: HotStore;
    readonly next: ExchangeHandler;
  }) {
    this.#parts = given.parts;
    this.#next = given.next;
    const { keepMs, answerBytes } = given.parts.config.resume;
    this.store = new StreamStore(given.hotStore, { ttlMs: keepMs });
    const { parts, next } = given;
    this.#desk = new AnswerDesk({ parts, next, store: this.store, bytesMax: answerBytes });
  }

  readonly handle: ExchangeHandler = (exchange) => {
    const { headers, method, path } = exchange.head;
    const isNamed = headers.has("idempotency-key") && routeAt(path) !== undefined;
    const isFull = this.#desk.size >= this.#parts.config.resume.answersMax;
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
    this.#desk.abort(place);
    this.store.cancel(place).catch((error: unknown) => {
      this.#parts.log.warn("answer_not_canceled", { error: String(error) });
    });
  }

  async #cancel(exchange: Exchange): Promise<void> {
    const place = await placeAsked(exchange, this.#parts);
    this.#desk.abort(place);
    await this.store.cancel(place);
    exchange.respond(204, [], "");
  }

  /** Tells the rest of an answer to one who has shown whose it is; nothing is begun anew. */
  async goOnFrom(exchange: Exchange, place: StreamPlace, after: number): Promise<void> {
    try {
      const listener = new AnswerListener(exchange, after);
      const live = await this.#desk.liveAt(place);
      if (live !== undefined) {
        live.tell(listener);
        return;
      }
      const meta = await this.store.read(place);
      if (meta === undefined) throw aiFaults.answer_gone();
      const followed = await this.#desk.follow(listener, place, meta);
      if (followed === "orphaned" || followed === "lost") throw aiFaults.answer_lost();
    } catch (error) {
      refuse(exchange, Fault.from(error), this.#parts);
    }
  }

  /** Waits until the answers that nobody is connected to are complete. */
  close(options: { readonly deadlineMs: number }): Promise<void> {
    return this.#desk.close(options);
  }

  async #open(exchange: Exchange): Promise<void> {
    if (await this.#isUnkept(exchange)) {
      this.#next(exchange);
      return;
    }
    const asked = await readAsked(exchange, this.#parts);
    const live = await this.#desk.liveAt(asked.place);
    if (live !== undefined) {
      checkFingerprint(live.meta, asked);
      live.tell(new AnswerListener(exchange, asked.after));
      return;
    }
    const meta = newMeta(asked, newId(this.#parts.world, "mak"));
    const { place, after, isHandedOver: isOrphaned } = asked;
    const listener = new AnswerListener(exchange, after);
    const { head, protocol, remoteAddress } = exchange;
    const request = { head, protocol, remoteAddress, body: asked.body };
    if (await this.#claim(asked, meta)) this.#desk.begin({ place, meta, request, listener });
    else {
      const wanted = { place, request: () => Promise.resolve(request) };
      const check = (known: StreamMeta): void => checkFingerprint(known, asked);
      await this.#desk.goOn(listener, wanted, { isOrphaned, check });
    }
  }

  /** The router brings one that was not kept; all of it, so that it is gone on with as others are. */
  async #isUnkept(exchange: Exchange): Promise<boolean> {
    const { headers } = exchange.head;
    if (!headers.has(handOverField) || headers.has("last-event-id")) return false;
    const place = await placeAsked(exchange, this.#parts);
    return (await this.store.makerOf(place).catch(() => undefined)) === undefined;
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

export function requestIdOf({ head }: Exchange, { world }: Pick<AiParts, "world">): string {
  const given = head.headers.get("x-request-id");
  return given !== undefined && isId("req", given) ? given : newId(world, "req");
}

function newMeta({ fingerprint, requestId }: Asked, maker: string): StreamMeta {
  return newStreamMeta({ maker, requestId, fingerprint });
}

function checkFingerprint(known: { readonly fingerprint: string }, { fingerprint }: Asked): void {
  if (known.fingerprint !== fingerprint) throw aiFaults.idempotency_mismatch();
}

/** In the dialect of the path; as an event where the answer has begun. */
export function refuse(exchange: Exchange, fault: Fault, { world }: Pick<AiParts, "world">): void {
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

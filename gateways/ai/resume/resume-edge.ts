import { createHash } from "node:crypto";
import type { Exchange, ExchangeHandler } from "@tandem/libs/http";
import { Fault, isId } from "@tandem/libs/kernel";
import type { HotStore } from "@tandem/libs/store";
import { newId } from "@tandem/libs/world";
import { dialectFor, routeAt } from "../dialects/routes.ts";
import { aiFaults } from "../faults.ts";
import { handOverField } from "../hand-over/hand-over.ts";
import type { AiParts } from "../parts.ts";
import { identify } from "../reads/answer-read.ts";
import { followAnswer } from "./follow-answer.ts";
import { KeptAnswer } from "./kept-answer.ts";
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
    // One that another replica began is gone on with; it was kept there.
    const isHandedOver = headers.has(handOverField);
    const isNamed = headers.has("idempotency-key") && method === "POST" && !isHandedOver;
    const isFull = this.#lives.size >= this.#parts.config.resume.answersMax;
    if (!isNamed || routeAt(path) === undefined || isFull) {
      this.#next(exchange);
      return;
    }
    this.#open(exchange).catch((error: unknown) => {
      refuse(exchange, Fault.from(error), this.#parts);
    });
  };

  /** The client does not want that answer any more. Only where it is made here. */
  cancel(place: StreamPlace): void {
    this.#lives.get(lifeKey(place))?.abort();
  }

  /** Tells the rest of an answer to one who has shown whose it is; nothing is begun anew. */
  async goOnFrom(exchange: Exchange, place: StreamPlace, after: number): Promise<void> {
    try {
      const live = this.#lives.get(lifeKey(place));
      if (live !== undefined && !live.isOver) {
        live.tell(exchange, after);
        return;
      }
      const { store } = this;
      const { world } = this.#parts;
      const meta = await store.read(place);
      if (meta === undefined) throw aiFaults.answer_gone();
      const followed = await followAnswer(exchange, { world, store, place, meta, after });
      if (followed === "dead") throw aiFaults.answer_lost();
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
    const asked = await readAsked(exchange, this.#parts);
    const live = this.#lives.get(lifeKey(asked.place));
    if (live !== undefined && !live.isOver) {
      checkFingerprint(live, asked);
      live.tell(exchange, asked.after);
      return;
    }
    const meta = newMeta(asked);
    if (await this.#claim(asked, meta)) this.#begin(exchange, asked, meta);
    else await this.#goOn(exchange, asked);
  }

  async #claim({ place, after }: Asked, meta: StreamMeta): Promise<boolean> {
    if (after === 0) {
      // A store that cannot say whether there is one has told nobody of one either.
      return this.store.claim(place, meta).catch((error: unknown) => {
        this.#parts.log.warn("answer_not_claimed", { error: String(error) });
        return true;
      });
    }
    if ((await this.store.read(place)) === undefined) throw aiFaults.answer_gone();
    return false;
  }

  #begin(exchange: Exchange, asked: Asked, meta: StreamMeta): void {
    const { world, log, config } = this.#parts;
    const key = lifeKey(asked.place);
    const answer = new KeptAnswer(exchange, {
      ...{ world, log, store: this.store, place: asked.place, meta, body: asked.body },
      graceMs: config.resume.graceMs,
      bytesMax: config.resume.answerBytes,
      onOver: () => {
        if (this.#lives.get(key) === answer) this.#lives.delete(key);
        if (this.#lives.size === 0) this.#onEmpty?.();
      },
    });
    this.#lives.set(key, answer);
    answer.tell(exchange, asked.after);
    this.#next(answer);
  }

  async #goOn(exchange: Exchange, asked: Asked): Promise<void> {
    const { store } = this;
    const { place, after } = asked;
    const meta = await store.read(place);
    if (meta === undefined) throw aiFaults.answer_gone();
    checkFingerprint(meta, asked);
    const { world } = this.#parts;
    const followed = await followAnswer(exchange, { world, store, place, meta, after });
    if (followed !== "dead") return;
    const last = await store.read(place);
    const isUntold = after === 0 && last?.state === "running" && last.blocks === 0;
    if (isUntold && last.status === 0 && (await store.takeOver(place, last))) {
      this.#begin(exchange, asked, { ...last, beat: 0 });
    } else throw aiFaults.answer_lost();
  }
}

/** A request by a name, as it was read. */
interface Asked {
  readonly place: StreamPlace;
  readonly body: Buffer;
  readonly fingerprint: string;
  /** The last event that the client has; 0 for none. */
  readonly after: number;
}

async function readAsked(exchange: Exchange, parts: AiParts): Promise<Asked> {
  const { headers, path } = exchange.head;
  const name = headers.get("idempotency-key") ?? "";
  if (!wellFormedName.test(name)) {
    throw aiFaults.invalid_parameter({
      publicMessage: "Invalid `Idempotency-Key`: 1 to 255 visible characters.",
      context: { parameter: "Idempotency-Key" },
    });
  }
  const last = headers.get("last-event-id") ?? "0";
  if (!eventNumber.test(last)) {
    throw aiFaults.invalid_parameter({
      publicMessage: "Invalid `Last-Event-ID`: it must be the number of an event.",
      context: { parameter: "Last-Event-ID" },
    });
  }
  const { identity } = await identify(exchange, parts);
  const body = await exchange.readBody(parts.config.bodyLimitBytes);
  const fingerprint = createHash("sha256").update(`${path}\n`).update(body).digest("base64url");
  return { place: placeOf(identity.claims, name), body, fingerprint, after: Number(last) };
}

function newMeta({ fingerprint }: Asked): StreamMeta {
  const nothing = { status: 0, lines: "", blocks: 0, beat: 0 };
  return { fingerprint, state: "running", kind: "body", ...nothing };
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
  const given = head.headers.get("x-request-id");
  const requestId = given !== undefined && isId("req", given) ? given : newId(world, "req");
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

import type { Exchange, ExchangeHandler } from "@tandem/libs/http";
import { Fault } from "@tandem/libs/kernel";
import { newId } from "@tandem/libs/world";
import type { WebSocket } from "ws";
import { aiFaults } from "../faults.ts";
import type { AiParts } from "../parts.ts";
import type { ExchangeSocket } from "../websocket/exchange-socket.ts";
import { SocketCall } from "../websocket/socket-call.ts";
import { closeCodes, SocketLine } from "../websocket/socket-line.ts";
import type { ClientEvent, Item } from "./client-event.ts";
import {
  bytesOf,
  Conversation,
  chatRequest,
  type KeptItem,
  noWishes,
  type SessionWishes,
  wishedAlso,
} from "./conversation.ts";
import { type ReadEvent, readEvent } from "./read-event.ts";
import { type Chunk, type Ending, ResponseEvents, type ServerEvent } from "./response-events.ts";

export interface RealtimeGiven {
  readonly socket: ExchangeSocket;
  readonly parts: AiParts;
  readonly next: ExchangeHandler;
  readonly opening: Exchange;
  /** The field that says whose connection it is; it has been checked. */
  readonly authorization: string | undefined;
  readonly model: string;
  onClose(): void;
}

interface Running {
  readonly events: ResponseEvents;
  readonly call: SocketCall;
  /** What it says becomes part of the conversation. */
  readonly isKept: boolean;
}

/** As many as a session needs that is not there to fill memory. */
const itemsMax = 2_000;
const idLength = 29;

/**
 * One client of the Realtime event model, in text. States: open → closing. A response is a request
 * of the JSON API like any other, through all phases; one at a time, as the model has it.
 * Everything is forgotten with the connection.
 */
export class RealtimeSocket {
  readonly #line: SocketLine;
  readonly #given: RealtimeGiven;
  readonly #sessionId: string;
  readonly #conversationId: string;
  readonly #conversation = new Conversation();
  #wishes: SessionWishes = noWishes;
  #running: Running | undefined;

  constructor(ws: WebSocket, given: RealtimeGiven) {
    this.#given = given;
    this.#sessionId = this.#newId("sess");
    this.#conversationId = this.#newId("conv");
    this.#line = new SocketLine(ws, {
      socket: given.socket,
      parts: given.parts,
      onMessage: (bytes) => this.#received(bytes),
      onClosing: () => this.#running?.call.leave(),
      onClosed: () => given.onClose(),
    });
    this.#tell({ type: "session.created", session: this.#session() });
  }

  /** This process is about to end: the client connects again, to another one. */
  restart(): void {
    this.#line.close(closeCodes.restart, "connect again");
  }

  #newId(prefix: string): string {
    return `${prefix}_${newId(this.#given.parts.world, "evt").slice(4)}`.slice(0, idLength + 8);
  }

  #session(): object {
    const { instructions, tools, toolChoice, maxOutputTokens } = this.#wishes;
    return {
      ...{ type: "realtime", object: "realtime.session", id: this.#sessionId },
      ...{ model: this.#given.model, output_modalities: ["text"], instructions },
      ...{ tools, tool_choice: toolChoice, max_output_tokens: maxOutputTokens },
    };
  }

  #tell({ type, ...event }: ServerEvent): boolean {
    return this.#line.send(JSON.stringify({ type, event_id: this.#newId("event"), ...event }));
  }

  #received(bytes: Buffer): void {
    let eventId: string | undefined;
    try {
      const value = parsed(bytes);
      eventId = eventIdIn(value);
      this.#hear(readEvent(value));
    } catch (error) {
      this.#refuse(Fault.from(error), eventId);
    }
  }

  #refuse(fault: Fault, eventId: string | undefined): void {
    this.#tell({ type: "error", error: { ...errorOf(fault), event_id: eventId ?? null } });
  }

  #hear({ event, ignored }: ReadEvent): void {
    // As an answer's `x-tandem-ignored` does: nothing is dropped in silence.
    const also = ignored.length > 0 ? { x_tandem: { ignored } } : {};
    switch (event.type) {
      case "session.update":
        this.#wishes = wishedAlso(this.#wishes, event.session);
        this.#tell({ type: "session.updated", session: this.#session(), ...also });
        return;
      case "conversation.item.create":
        this.#addItem(this.#keptItem(event.item), { behind: event.previous_item_id, also });
        return;
      case "conversation.item.retrieve":
        this.#tell({ type: "conversation.item.retrieved", item: this.#itemNamed(event.item_id) });
        return;
      case "conversation.item.delete":
        this.#itemNamed(event.item_id);
        this.#conversation.delete(event.item_id);
        this.#tell({ type: "conversation.item.deleted", item_id: event.item_id });
        return;
      case "response.create":
        this.#respond(event.response ?? {}, also);
        return;
      case "response.cancel":
        this.#cancel(event.response_id);
    }
  }

  #keptItem(item: Item): KeptItem {
    return { ...item, id: item.id ?? this.#newId("item"), status: "completed" };
  }

  #itemNamed(id: string): KeptItem {
    const item = this.#conversation.find(id);
    if (item === undefined) throw aiFaults.no_such_item({ context: { parameter: "item_id" } });
    return item;
  }

  /** A conversation longer than a request may be could not be gone on with. */
  #hasRoomFor(item: KeptItem): boolean {
    const { size, bytes } = this.#conversation;
    const { bodyLimitBytes } = this.#given.parts.config;
    return size < itemsMax && bytes + bytesOf(item) <= bodyLimitBytes;
  }

  #addItem(
    item: KeptItem,
    { behind, also }: { readonly behind?: string | null | undefined; readonly also?: object } = {},
  ): void {
    if (!this.#hasRoomFor(item)) throw aiFaults.conversation_full();
    if (this.#conversation.find(item.id) !== undefined) {
      throw aiFaults.invalid_parameter({
        publicMessage: `The conversation has an item ${item.id} already.`,
        context: { parameter: "item.id" },
      });
    }
    const placed = this.#conversation.add(item, behind);
    if (placed === undefined) {
      throw aiFaults.no_such_item({ context: { parameter: "previous_item_id" } });
    }
    const told = { previous_item_id: placed.previous, item };
    this.#tell({ type: "conversation.item.added", ...told, ...also });
    this.#tell({ type: "conversation.item.done", ...told });
  }

  #respond(
    wished: Extract<ClientEvent, { type: "response.create" }>["response"] & object,
    also: object,
  ): void {
    if (this.#running !== undefined) throw aiFaults.response_active();
    const { model, parts, next, authorization, opening } = this.#given;
    const isKept = wished.conversation !== "none";
    const items = wished.input ?? this.#conversation.items;
    const requestId = newId(parts.world, "req");
    const events = new ResponseEvents({
      ...{ id: this.#newId("resp"), requestId },
      conversationId: isKept ? this.#conversationId : null,
      metadata: wished.metadata ?? null,
      newItemId: () => this.#newId("item"),
    });
    const wishes = wishedAlso(this.#wishes, wished);
    const call = new SocketCall(
      {
        opening,
        send: (text) => this.#heard(text),
        onDrain: (run) => this.#line.onDrain(run),
        ended: () => undefined,
      },
      {
        id: events.id,
        body: Buffer.from(JSON.stringify(chatRequest({ model, wishes, items }))),
        fields: {
          ...{ "content-type": "application/json", "x-request-id": requestId },
          ...(authorization !== undefined && { authorization }),
          ...{ "idempotency-key": undefined, "last-event-id": undefined },
        },
      },
    );
    this.#running = { events, call, isKept };
    this.#tell({ ...events.begin(), ...also });
    next(call);
  }

  /** What the call says in the words of `/v1/chat/ws`. */
  #heard(text: string): boolean {
    const message = JSON.parse(text) as {
      readonly type: string;
      readonly data?: Chunk;
      readonly error?: ToldError;
    };
    const running = this.#running;
    if (running === undefined) return true;
    let hasRoom = true;
    if (message.type === "chat.chunk") {
      for (const event of running.events.add(message.data ?? {})) hasRoom = this.#tell(event);
    } else if (message.type === "chat.done") this.#end({ status: "completed" });
    else if (message.error !== undefined) {
      const error = errorWords(message.error);
      this.#tell({ type: "error", error: { ...error, event_id: null } });
      this.#end({ status: "failed", error });
    }
    return hasRoom;
  }

  #end(ending: Ending): void {
    const running = this.#running;
    if (running === undefined) return;
    this.#running = undefined;
    const { events, isKept } = running;
    const isWhole = ending.status === "completed";
    const told = events.end(ending);
    const last = told.at(-1);
    for (const event of told.slice(0, -1)) this.#tell(event);
    for (const item of isKept ? events.items(isWhole ? "completed" : "incomplete") : []) {
      if (this.#hasRoomFor(item)) this.#addItem(item);
    }
    if (last !== undefined) this.#tell(last);
  }

  #cancel(responseId: string | undefined): void {
    const running = this.#running;
    const isMeant = responseId === undefined || responseId === running?.events.id;
    if (running === undefined || !isMeant) throw aiFaults.no_active_response();
    running.call.leave();
    this.#end({ status: "cancelled" });
  }
}

function parsed(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString());
  } catch {
    throw aiFaults.malformed_body({ publicMessage: "The event is not valid JSON." });
  }
}

function eventIdIn(value: unknown): string | undefined {
  const { event_id: id } = (value ?? {}) as { readonly event_id?: unknown };
  return typeof id === "string" ? id.slice(0, 512) : undefined;
}

/** What a call says of its error in the words of `/v1/chat/ws`. */
interface ToldError {
  readonly reason: string;
  readonly message: string;
  readonly status: number;
  readonly param?: string;
  readonly retry_after_ms?: number;
}

function errorOf(fault: Fault): object {
  const { reason, publicMessage: message, httpStatus: status, context } = fault;
  const { parameter } = context;
  const param = typeof parameter === "string" ? { param: parameter } : {};
  return errorWords({ reason, message, status, ...param });
}

/** OpenAI's error, and the status that it would have had, and when to come back. */
function errorWords({ reason, message, status, param, retry_after_ms }: ToldError): object {
  const own = status < 500 ? "invalid_request_error" : "server_error";
  const type = status === 429 ? "rate_limit_error" : status === 402 ? "insufficient_quota" : own;
  return { type, code: reason, message, param: param ?? null, status, retry_after_ms };
}

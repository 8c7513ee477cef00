import type { Exchange, ExchangeHandler } from "@tandem/libs/http";
import { Fault } from "@tandem/libs/kernel";
import type { Timer } from "@tandem/libs/world";
import { newId } from "@tandem/libs/world";
import type { WebSocket } from "ws";
import { JsonDocument } from "../core/json-document.ts";
import { scanJson } from "../core/json-scanner.ts";
import { aiFaults } from "../faults.ts";
import type { AiParts } from "../parts.ts";
import { identify } from "../reads/answer-read.ts";
import type { ResumeEdge } from "../resume/resume-edge.ts";
import { placeOf, type StreamPlace } from "../resume/stream-store.ts";
import { type ClientMessage, clientMessageSchema } from "./client-message.ts";
import type { ExchangeSocket } from "./exchange-socket.ts";
import { errorMessage, SocketCall } from "./socket-call.ts";
import { closeCodes, SocketLine } from "./socket-line.ts";

const recordedDepth = 2;
/** So many that are over are known beside each that may be under way. */
const streamsPerCall = 4;
/** What is wrong with a message is said with parts of it, which can be long. */
const saidCharactersMax = 200;

export interface ChatSocketGiven {
  readonly socket: ExchangeSocket;
  readonly parts: AiParts;
  readonly resume: ResumeEdge;
  readonly next: ExchangeHandler;
  readonly opening: Exchange;
  /** `Bearer <key>`, where the handshake held one. */
  readonly credential: string | undefined;
  onClose(): void;
}

interface Caller {
  readonly credential: string;
  readonly organisationId: string;
  readonly keyId: string;
}

/**
 * One client on `/v1/chat/ws`. States: unknown (its key has not been seen) → open → closing. Its
 * conversations are calls of their own, each through all phases; they end with the connection, or
 * go on and can be resumed from another one by the session's token.
 */
export class ChatSocket {
  readonly #line: SocketLine;
  readonly #given: ChatSocketGiven;
  readonly #token: string;
  readonly #calls = new Map<string, SocketCall>();
  /** The kept ones, by the client's name for them. */
  readonly #streams = new Map<string, string>();
  #caller: Caller | undefined;
  /** A key is being checked: one at a time. */
  #isAsking: boolean = false;
  readonly #hello: Timer;

  constructor(ws: WebSocket, given: ChatSocketGiven) {
    this.#given = given;
    const { world, config } = given.parts;
    this.#token = newId(world, "ses");
    this.#line = new SocketLine(ws, {
      socket: given.socket,
      parts: given.parts,
      onMessage: (bytes) => this.#received(bytes),
      onClosing: () => {
        for (const call of [...this.#calls.values()]) call.leave();
      },
      onClosed: () => {
        this.#hello.cancel();
        given.onClose();
      },
    });
    this.#hello = world.timers.after(config.socket.helloMs, () => {
      this.#line.close(closeCodes.policy, "no key was given in time");
    });
    if (given.credential !== undefined) this.#hear({ type: "auth", key: given.credential });
  }

  /** This process is about to end: the client goes on elsewhere, with what its conversations have. */
  restart(): void {
    this.#line.close(closeCodes.restart, this.#token);
  }

  #received(bytes: Buffer): void {
    try {
      this.#hear(readMessage(bytes), bytes);
    } catch (error) {
      this.#send(errorMessage(Fault.from(error)));
    }
  }

  #hear(message: ClientMessage, bytes: Buffer = Buffer.alloc(0)): void {
    if (message.type === "ping") this.#send('{"type":"pong"}');
    else if (message.type === "auth") {
      if (this.#caller !== undefined || this.#isAsking) throw aiFaults.socket_has_key();
      void this.#authenticate(message.key);
    } else if (this.#caller === undefined) throw aiFaults.socket_needs_key();
    else if (message.type === "chat.create") this.#create(this.#caller, message, bytes);
    else if (message.type === "chat.cancel") this.#cancel(this.#caller, message.id);
    else void this.#resume(this.#caller, message);
  }

  async #authenticate(key: string): Promise<void> {
    const { parts, opening } = this.#given;
    const credential = `Bearer ${key.replace(/^bearer +/i, "")}`;
    this.#isAsking = true;
    try {
      this.#caller = await this.#callerWith(credential);
      this.#hello.cancel();
      const { messageBytes, callsMax } = parts.config.socket;
      this.#send(
        JSON.stringify({
          type: "session.created",
          session: { token: this.#token, message_bytes: messageBytes, conversations: callsMax },
          request_id: opening.head.headers.get("x-request-id"),
        }),
      );
    } catch (error) {
      const fault = Fault.from(error);
      this.#send(errorMessage(fault));
      const isOutage = fault.code === "unavailable";
      this.#line.close(isOutage ? closeCodes.tryLater : closeCodes.policy, fault.reason);
    } finally {
      this.#isAsking = false;
    }
  }

  /** Throws why it is nobody's, or nobody's any more. */
  async #callerWith(credential: string): Promise<Caller> {
    const probe = this.#callWith("auth", Buffer.alloc(0), { authorization: credential });
    const { identity } = await identify(probe, this.#given.parts);
    const { organisationId, keyId } = identity.claims;
    return { credential, organisationId, keyId };
  }

  #create(
    caller: Caller,
    message: Extract<ClientMessage, { type: "chat.create" }>,
    bytes: Buffer,
  ): void {
    const { id } = message;
    this.#checkRoom(id);
    const name = message.resumable === false ? undefined : `socket-${this.#newRequestId()}`;
    const call = this.#callWith(id, requestBytes(bytes), {
      authorization: caller.credential,
      "idempotency-key": name,
    });
    this.#calls.set(id, call);
    if (name !== undefined) this.#remember(caller, id, name);
    this.#given.next(call);
  }

  #newRequestId(): string {
    return newId(this.#given.parts.world, "req");
  }

  #checkRoom(id: string): void {
    if (this.#calls.has(id)) throw aiFaults.socket_name_taken({ context: { id } });
    if (this.#calls.size >= this.#given.parts.config.socket.callsMax) {
      throw aiFaults.socket_full({ context: { id } });
    }
  }

  #callWith(
    id: string,
    body: Buffer,
    fields: Readonly<Record<string, string | undefined>>,
  ): SocketCall {
    const { opening } = this.#given;
    const port = {
      opening,
      send: (text: string) => this.#send(text),
      onDrain: (run: () => void) => this.#line.onDrain(run),
      ended: (call: SocketCall) => {
        if (this.#calls.get(call.id) === call) this.#calls.delete(call.id);
      },
    };
    const own = {
      "content-type": "application/json",
      "x-request-id": this.#newRequestId(),
      "idempotency-key": undefined,
      "last-event-id": undefined,
      ...fields,
    };
    return new SocketCall(port, { id, body, fields: own });
  }

  /** So that another connection can ask for all that this one had, at whichever replica. */
  #remember(caller: Caller, id: string, name: string): void {
    const { resume, parts } = this.#given;
    this.#streams.set(id, name);
    if (this.#streams.size > parts.config.socket.callsMax * streamsPerCall) {
      const [oldest = ""] = this.#streams.keys();
      this.#streams.delete(oldest);
    }
    const streams = Object.fromEntries(this.#streams);
    resume.store.keepSession(sessionPlace(caller, this.#token), streams).catch((error: unknown) => {
      parts.log.warn("session_not_kept", { error: String(error) });
    });
  }

  #cancel(caller: Caller, id: string): void {
    const call = this.#calls.get(id);
    const name = this.#streams.get(id);
    if (call === undefined) throw aiFaults.socket_no_such_call({ context: { id } });
    call.leave();
    if (name !== undefined) this.#given.resume.cancel(placeOf(caller, name));
    this.#send(`{"type":"chat.canceled","id":${JSON.stringify(id)}}`);
  }

  async #resume(
    caller: Caller,
    { token, after }: Extract<ClientMessage, { type: "session.resume" }>,
  ): Promise<void> {
    const { resume, parts } = this.#given;
    try {
      const most = parts.config.socket.callsMax * streamsPerCall;
      if (Object.keys(after).length > most) {
        throw aiFaults.invalid_parameter({
          publicMessage: `A connection can have had ${most} conversations at most.`,
          context: { parameter: "after" },
        });
      }
      // What it had is not told to a key that was taken back since.
      await this.#callerWith(caller.credential);
      const streams = await resume.store.session(sessionPlace(caller, token));
      if (streams === undefined) throw aiFaults.answer_gone();
      for (const [id, last] of Object.entries(after)) {
        const name = Object.hasOwn(streams, id) ? streams[id] : undefined;
        if (name === undefined) {
          this.#send(errorMessage(aiFaults.answer_gone(), id));
          continue;
        }
        this.#checkRoom(id);
        const fields = { authorization: caller.credential, "idempotency-key": name };
        const call = this.#callWith(id, Buffer.alloc(0), fields);
        this.#calls.set(id, call);
        this.#remember(caller, id, name);
        void resume.goOnFrom(call, placeOf(caller, name), last);
      }
    } catch (error) {
      this.#send(errorMessage(Fault.from(error)));
    }
  }

  #send(text: string): boolean {
    return this.#line.send(text);
  }
}

function sessionPlace(caller: Caller, token: string): StreamPlace {
  return placeOf(caller, `session ${token}`);
}

function readMessage(bytes: Buffer): ClientMessage {
  let value: unknown;
  try {
    value = JSON.parse(bytes.toString());
  } catch {
    throw aiFaults.malformed_body({ publicMessage: "The message is not valid JSON." });
  }
  const parsed = clientMessageSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const where = issue === undefined ? "" : `${issue.path.join(".")}: ${issue.message}`;
  const said = where.slice(0, saidCharactersMax);
  throw aiFaults.invalid_parameter({ publicMessage: `The message is not one of ours. ${said}` });
}

/** The request as the client wrote it, digit for digit, for the one reader that judges it. */
function requestBytes(bytes: Buffer): Buffer {
  const document = scanJson(bytes, recordedDepth);
  if (!(document instanceof JsonDocument)) {
    throw aiFaults.malformed_body({ publicMessage: `The message ${document.problem}.` });
  }
  return Buffer.from(document.raw(document.member(document.root, "request")));
}

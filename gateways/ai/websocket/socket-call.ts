import {
  type EncodedFields,
  type Exchange,
  type HeaderFields,
  httpFaults,
  type RequestHead,
} from "@tandem/libs/http";
import { Fault, httpStatusToFaultCode } from "@tandem/libs/kernel";
import { CallHeaders } from "../transports/call-headers.ts";
import { EventLines } from "../transports/event-lines.ts";

/** What a call needs of the connection it came on. */
export interface SocketCallPort {
  readonly opening: Exchange;
  /** Sends a text frame; false when the client is slow. */
  send(text: string): boolean;
  onDrain(run: () => void): void;
  ended(call: SocketCall): void;
}

const chatPath = "/v1/chat/completions";

/**
 * One conversation's turn on a WebSocket, shown to the phases as the request of the JSON API that
 * it is. Its answer goes out as messages that carry the client's name for it. States: open →
 * answering (body or events) → over.
 */
export class SocketCall implements Exchange {
  readonly id: string;
  readonly head: RequestHead;
  readonly protocol: Exchange["protocol"] = "websocket";
  readonly #port: SocketCallPort;
  readonly #body: Buffer;
  readonly #events = new EventLines();
  /** The client's name for it, as a member of each message. */
  readonly #name: string;
  /** The client could take more after what was sent last. */
  #hasRoom: boolean = true;
  #state: "open" | "body" | "events" | "over" = "open";
  #hasLeft: boolean = false;
  #bodyText = "";
  #isComplete: boolean = false;
  #fault: Fault | undefined;
  #onAbort: (() => void)[] = [];
  #onFinish: (() => void)[] = [];

  constructor(
    port: SocketCallPort,
    given: {
      readonly id: string;
      readonly body: Buffer;
      /** Beside those of the connection; an undefined one hides the connection's. */
      readonly fields: Readonly<Record<string, string | undefined>>;
    },
  ) {
    this.#port = port;
    this.id = given.id;
    this.#name = `"id":${JSON.stringify(given.id)}`;
    this.#body = given.body;
    const headers = new CallHeaders(port.opening.head.headers, given.fields);
    this.head = {
      ...{ method: "POST", path: chatPath, target: chatPath, query: "", headers },
      contentLength: given.body.length,
    };
  }

  get remoteAddress(): string {
    return this.#port.opening.remoteAddress;
  }

  readBody(limitBytes: number): Promise<Buffer> {
    if (this.#body.length > limitBytes) return Promise.reject(httpFaults.body_too_large());
    return Promise.resolve(this.#body);
  }

  streamBody(handlers: { onChunk(chunk: Buffer): void; onEnd(): void }): void {
    handlers.onChunk(this.#body);
    handlers.onEnd();
  }

  letBodyLinger(): void {}
  pauseBody(): void {}
  resumeBody(): void {}

  readonly noteFault = (fault: Fault): void => {
    this.#fault = fault;
  };

  respond(status: number, headers: HeaderFields | EncodedFields, body: Buffer | string): void {
    if (this.#state !== "open") return;
    this.startStream(status, headers);
    this.#state = "body";
    if (status >= 400) this.#fault ??= foreignFault(status, body.toString());
    this.#bodyText = body.toString();
    this.end();
  }

  startStream(_status: number, headers: HeaderFields | EncodedFields): void {
    if (this.#state !== "open") return;
    const lines = "lines" in headers ? headers.lines : headers.map(([n, v]) => `${n}: ${v}`).join();
    this.#state = /content-type: text\/event-stream/i.test(lines) ? "events" : "body";
    const requestId = /x-request-id: (\S+)/i.exec(lines)?.[1] ?? "";
    this.#port.send(`{"type":"chat.started",${this.#name},"request_id":"${requestId}"}`);
  }

  write(chunk: Buffer | string): boolean {
    if (this.#state === "body") this.#bodyText += chunk.toString();
    if (this.#state !== "events") return true;
    this.#hasRoom = true;
    this.#events.add(chunk, this.#tell);
    return this.#hasRoom;
  }

  readonly #tell = (data: string): void => {
    if (data === "[DONE]") this.#isComplete = true;
    else if (this.#fault === undefined) {
      const text = `{"type":"chat.chunk",${this.#name}${this.#event},"data":${data}}`;
      this.#hasRoom = this.#port.send(text);
    }
  };

  /** The number by which the rest can be asked for; nothing where it cannot. */
  get #event(): string {
    return this.#events.lastId === "" ? "" : `,"event":${this.#events.lastId}`;
  }

  onDrain(run: () => void): void {
    if (this.#state === "over") run();
    else this.#port.onDrain(run);
  }

  end(): void {
    if (this.#state === "over") return;
    if (this.#fault !== undefined || (this.#state === "events" && !this.#isComplete)) {
      this.cut();
      return;
    }
    if (this.#state === "body") {
      this.#port.send(`{"type":"chat.completion",${this.#name},"data":${this.#bodyText.trim()}}`);
    }
    this.#port.send(`{"type":"chat.done",${this.#name}${this.#event}}`);
    this.#finish();
  }

  cut(): void {
    if (this.#state === "over") return;
    this.#port.send(errorMessage(this.#fault ?? brokenFault(), this.id));
    this.#finish();
  }

  /** The client has left, or wants it no more. */
  leave(): void {
    if (this.#state === "over") return;
    this.#hasLeft = true;
    const runs = this.#onAbort.splice(0);
    this.#finish();
    for (const run of runs) run();
  }

  onAbort(run: () => void): void {
    if (this.#hasLeft) run();
    else if (this.#state !== "over") this.#onAbort.push(run);
  }

  onFinish(run: () => void): void {
    if (this.#state === "over") run();
    else this.#onFinish.push(run);
  }

  #finish(): void {
    this.#state = "over";
    this.#onAbort = [];
    for (const run of this.#onFinish.splice(0)) run();
    this.#port.ended(this);
  }
}

function brokenFault(): Fault {
  return new Fault({
    code: "unavailable",
    reason: "ai.stream_broken",
    publicMessage: "The answer broke off. What came is incomplete.",
  });
}

function foreignFault(status: number, body: string): Fault {
  let publicMessage = "The request failed.";
  try {
    const { error } = JSON.parse(body) as { readonly error?: { readonly message?: string } };
    publicMessage = error?.message ?? publicMessage;
  } catch {
    // Not JSON: the status alone then.
  }
  const code = httpStatusToFaultCode(status);
  return new Fault({ code, reason: "ai.request_failed", publicMessage, httpStatus: status });
}

/** What went wrong: with one conversation where `id` names it, else with the connection. */
export function errorMessage(fault: Fault, id?: string): string {
  const { parameter, limit_source: limitSource } = fault.context;
  const isLater = fault.retry === "after_delay" || fault.retry === "another_replica";
  return JSON.stringify({
    type: "error",
    id,
    error: {
      message: fault.publicMessage,
      code: fault.code,
      reason: fault.reason,
      status: fault.httpStatus,
      param: parameter,
      limit_source: limitSource,
      retry_after_ms: isLater ? (fault.retryAfterMs ?? 1_000) : undefined,
    },
  });
}

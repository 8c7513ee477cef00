import type { Exchange, HeaderFields } from "@tandem/libs/http";
import type { Fault } from "@tandem/libs/kernel";
import type { Timer, World } from "@tandem/libs/world";

export const jsonFields: HeaderFields = [["content-type", "application/json; charset=utf-8"]];
const streamFields: HeaderFields = [
  ["content-type", "text/event-stream; charset=utf-8"],
  ["cache-control", "no-cache"],
];

/** The error in the shape OpenAI's clients read, with the reason as its code. */
export function respondFault(exchange: Exchange, fault: Fault, details: object = {}): void {
  const fields: [string, string][] = [["content-type", "application/json; charset=utf-8"]];
  if (fault.retryAfterMs !== undefined) {
    fields.push(["retry-after", `${Math.max(1, Math.ceil(fault.retryAfterMs / 1000))}`]);
  }
  exchange.respond(fault.httpStatus, fields, JSON.stringify(errorBody(fault, details)));
}

function errorBody(fault: Fault, details: object): object {
  const type = fault.httpStatus < 500 ? "invalid_request_error" : "server_error";
  const { param } = fault.context as { readonly param?: string };
  const { publicMessage: message, reason: code } = fault;
  return { error: { message, type, param: param || null, code, ...details } };
}

/**
 * The answer to one generation, whole or as a stream. While nothing is there to say it gives a sign
 * of life every `keepAliveMs`: an empty line before a whole answer, a comment in a stream. The
 * first one comes late enough for quick failures to keep their status.
 */
export class Answer {
  readonly #exchange: Exchange;
  readonly #isStream: boolean;
  readonly #timer: Timer;
  readonly #sign: string;
  #progress: "silent" | "begun" | "ended" = "silent";
  #isQuiet: boolean;

  constructor(
    exchange: Exchange,
    options: {
      readonly isStream: boolean;
      readonly keepAliveMs: number;
      readonly world: World;
      /** Said in the sign of life of a stream: where in the queue the request is. */
      readonly describeWait: () => string;
    },
  ) {
    this.#exchange = exchange;
    this.#isStream = options.isStream;
    this.#isQuiet = true;
    this.#sign = "\n";
    this.#timer = options.world.timers.every(options.keepAliveMs, () => {
      if (this.#isQuiet) {
        this.#write(this.#isStream ? `: keep-alive ${options.describeWait()}\n\n` : this.#sign);
      }
      this.#isQuiet = true;
    });
    exchange.onFinish(() => this.#timer.cancel());
  }

  /** One event of a stream. */
  event(body: object): void {
    this.#isQuiet = false;
    this.#write(`data: ${JSON.stringify(body)}\n\n`);
  }

  /** Ends a stream like a complete one. */
  done(): void {
    this.#write("data: [DONE]\n\n");
    this.#end();
  }

  /** The whole answer. */
  whole(body: object): void {
    const text = JSON.stringify(body);
    if (this.#progress === "silent") {
      this.#progress = "ended";
      this.#timer.cancel();
      this.#exchange.respond(200, jsonFields, text);
      return;
    }
    this.#write(text);
    this.#end();
  }

  /**
   * Ends with a failure that the caller can see: a status if none is out, an error event in a
   * stream, and for a whole answer that had begun with signs of life a broken connection.
   */
  fail(fault: Fault, details: object = {}): void {
    if (this.#progress === "ended") return;
    if (this.#progress === "silent") {
      this.#progress = "ended";
      this.#timer.cancel();
      respondFault(this.#exchange, fault, details);
    } else if (this.#isStream) {
      this.#write(`data: ${JSON.stringify(errorBody(fault, details))}\n\n`);
      this.#end();
    } else {
      this.#progress = "ended";
      this.#timer.cancel();
      this.#exchange.cut();
    }
  }

  #end(): void {
    this.#progress = "ended";
    this.#timer.cancel();
    this.#exchange.end();
  }

  /** Never waits for a slow reader: an answer is at most its context long, and the lane is busy. */
  #write(text: string): void {
    if (this.#progress === "ended") return;
    if (this.#progress === "silent") {
      this.#progress = "begun";
      this.#exchange.startStream(200, this.#isStream ? streamFields : jsonFields);
    }
    this.#exchange.write(text);
  }
}

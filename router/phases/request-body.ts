import { BodyPile, type ClientCall, type Exchange } from "@tandem/libs/http";

export interface RequestBodyEvents {
  /** There is enough to start an attempt: the whole body, or more than is kept for another try. */
  onReady(): void;
  onTooLarge(): void;
}

export interface RequestBodyLimits {
  readonly bodyLimitBytes: number;
  readonly replayLimitBytes: number;
}

/**
 * A request's body on its way to a gateway. States: collecting → whole (kept, so that every attempt
 * can have it), or → flowing (too large to be kept: passed on at the pace of the slower side, and
 * kept only until the first attempt's connection stands).
 */
export class RequestBody {
  readonly #exchange: Exchange;
  readonly #limits: RequestBodyLimits;
  readonly #events: RequestBodyEvents;
  #state: "collecting" | "whole" | "flowing" = "collecting";
  readonly #pile = new BodyPile();
  #bytes = 0;
  #hasEnded = false;
  #isKept = true;
  #call: ClientCall | undefined;

  constructor(
    exchange: Exchange,
    { limits, events }: { limits: RequestBodyLimits; events: RequestBodyEvents },
  ) {
    this.#exchange = exchange;
    this.#limits = limits;
    this.#events = events;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Another attempt can be given the body from its beginning. */
  get isKept(): boolean {
    return this.#isKept;
  }

  /** Starts reading. */
  begin(): void {
    if (this.#exchange.protocol === "websocket") {
      // It flows both ways and has no end of its own: there is nothing to wait for.
      this.#state = "flowing";
      this.#exchange.pauseBody();
      this.#exchange.streamBody(this);
      this.#events.onReady();
    } else this.#exchange.streamBody(this);
  }

  onChunk(chunk: Buffer): void {
    this.#bytes += chunk.length;
    const isSocket = this.#exchange.protocol === "websocket";
    if (this.#bytes > this.#limits.bodyLimitBytes && !isSocket) {
      this.#events.onTooLarge();
      return;
    }
    if (this.#state === "collecting") {
      this.#pile.add(chunk);
      if (this.#bytes <= this.#limits.replayLimitBytes) return;
      this.#state = "flowing";
      this.#exchange.pauseBody();
      this.#events.onReady();
    } else if (this.#call?.writeBody(chunk) === false) {
      this.#exchange.pauseBody();
      this.#call.onDrain(() => this.#exchange.resumeBody());
    }
  }

  onEnd(): void {
    this.#hasEnded = true;
    if (this.#state === "flowing") {
      this.#call?.endBody();
      return;
    }
    this.#state = "whole";
    this.#events.onReady();
  }

  /** What to send: the whole body, "stream" for a flowing one, undefined for none. */
  forRequest(): Buffer | "stream" | undefined {
    if (this.#state === "flowing") return "stream";
    return this.#pile.whole();
  }

  /** The attempt under way; a flowing body goes there from now on. */
  flowTo(call: ClientCall): void {
    if (this.#state !== "flowing") return;
    this.#call = call;
    for (const chunk of this.#pile.pieces) call.writeBody(chunk);
    if (this.#hasEnded) call.endBody();
    if (this.#exchange.protocol === "websocket") return;
    call.onDrain(() => {
      // The connection stands and takes bytes: from here on they are gone.
      this.#isKept = false;
      this.#pile.clear();
      this.#exchange.resumeBody();
    });
  }

  /** It is kept for as long as a stream lasts, in memory of its own instead of a part of a slab. */
  compact(): void {
    const body = this.forRequest();
    if (!Buffer.isBuffer(body)) return;
    const own = Buffer.allocUnsafeSlow(body.length);
    body.copy(own);
    this.#pile.replace(own);
  }

  /** The answer began: nothing will be sent again. */
  release(): void {
    this.#isKept = false;
    if (this.#exchange.protocol === "websocket") this.#exchange.resumeBody();
    if (this.#state === "whole") this.#pile.clear();
  }
}

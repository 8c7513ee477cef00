import type { Timer } from "@tandem/libs/world";
import type { WebSocket } from "ws";
import type { AiParts } from "../parts.ts";
import type { ExchangeSocket } from "./exchange-socket.ts";
import { MessageBudget } from "./message-budget.ts";
import { textFrame } from "./text-frame.ts";

/** RFC 6455, 7.4.1, and the registry of later ones. */
export const closeCodes = {
  unsupported: 1003,
  policy: 1008,
  restart: 1012,
  tryLater: 1013,
} as const;

/** Bytes of pongs that may wait for a slow client. */
const highWaterBytes = 65_536;
/** Bytes told to a client that does not take them; then it is not listened to until it has. */
const owedBytesMax = 262_144;

export interface SocketLineGiven {
  /** What `ws` writes to. */
  readonly socket: Pick<ExchangeSocket, "sendFrame" | "onRoom" | "hangUp">;
  readonly parts: Pick<AiParts, "world" | "config">;
  /** A whole text message. */
  onMessage(bytes: Buffer): void;
  /** Nothing more can be told. */
  onClosing(): void;
  onClosed(): void;
}

/**
 * The connection below every protocol on WebSocket: text only, so many messages a second, pings
 * both ways, no more waiting for a slow client than there has to be: who asks and does not take the
 * answers is not asked what else it wants. States: open ⇄ not listening → closing → closed.
 */
export class SocketLine {
  readonly #ws: WebSocket;
  readonly #given: SocketLineGiven;
  readonly #budget: MessageBudget;
  readonly #heartbeat: Timer;
  #isAlive: boolean = true;
  #drains: (() => void)[] = [];
  /** Told since the client was found slow. */
  #owedBytes = 0;
  /** Had come already when it was not listened to any more: less than a message and a read. */
  #held: Buffer[] = [];

  constructor(ws: WebSocket, given: SocketLineGiven) {
    this.#ws = ws;
    this.#given = given;
    const { world, config } = given.parts;
    const perSecond = config.socket.messagesPerSecond;
    this.#budget = new MessageBudget({ perSecond, nowMs: world.clock.monotonicMs() });
    this.#heartbeat = world.timers.every(config.socket.pingMs, () => this.#beat());
    ws.on("message", (data, isBinary) => this.#received(data as Buffer, isBinary));
    ws.on("ping", (data) => this.#pinged(data));
    ws.on("pong", () => {
      if (this.#mayGoOn()) this.#isAlive = true;
    });
    // What breaks the framing has been answered with its own close code by `ws`.
    ws.on("error", () => undefined);
    ws.on("close", () => {
      this.#heartbeat.cancel();
      this.#end();
      given.onClosed();
    });
  }

  close(code: number, reason: string): void {
    if (this.#ws.readyState !== this.#ws.OPEN) return;
    this.#ws.close(code, reason);
    this.#end();
  }

  #end(): void {
    this.#given.onClosing();
    this.#release();
  }

  /** A connection whose other end has silently gone answers no ping. */
  #beat(): void {
    if (!this.#isAlive) this.#ws.terminate();
    this.#isAlive = false;
    if (this.#ws.readyState === this.#ws.OPEN) this.#ws.ping();
  }

  #mayGoOn(): boolean {
    if (this.#ws.readyState !== this.#ws.OPEN) return false;
    if (this.#budget.take(this.#given.parts.world.clock.monotonicMs())) return true;
    this.close(closeCodes.policy, "too many messages");
    // Its goodbye would be behind the rest of the flood: nobody waits for that.
    this.#ws.pause();
    this.#given.socket.hangUp();
    return false;
  }

  #pinged(data: Buffer): void {
    // Whoever reads no pongs gets none, or they would pile up here.
    if (this.#mayGoOn() && this.#ws.bufferedAmount < highWaterBytes) this.#ws.pong(data);
  }

  #received(bytes: Buffer, isBinary: boolean): void {
    if (!this.#mayGoOn()) return;
    if (isBinary) this.close(closeCodes.unsupported, "messages are text");
    else if (this.#owedBytes >= owedBytesMax) this.#held.push(bytes);
    else this.#given.onMessage(bytes);
  }

  /** False when the client is slow: wait for `onDrain`. */
  send(text: string): boolean {
    const ws = this.#ws;
    if (ws.readyState !== ws.OPEN) return true;
    const frame = textFrame(text);
    if (this.#given.socket.sendFrame(frame)) return true;
    this.#owe(frame.length);
    return false;
  }

  #owe(bytes: number): void {
    if (this.#owedBytes === 0) this.onDrain(() => this.#listenAgain());
    this.#owedBytes += bytes;
    if (this.#owedBytes >= owedBytesMax) this.#ws.pause();
  }

  #listenAgain(): void {
    this.#owedBytes = 0;
    while (this.#ws.readyState === this.#ws.OPEN && this.#owedBytes < owedBytesMax) {
      const bytes = this.#held.shift();
      if (bytes === undefined) break;
      this.#given.onMessage(bytes);
    }
    if (this.#owedBytes < owedBytesMax) this.#ws.resume();
  }

  onDrain(run: () => void): void {
    this.#drains.push(run);
    if (this.#drains.length === 1) this.#given.socket.onRoom(() => this.#release());
  }

  #release(): void {
    for (const run of this.#drains.splice(0)) run();
  }
}

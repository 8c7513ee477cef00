import {
  type ClientCall,
  type ClientPool,
  type ClientPoolOptions,
  type ClientRequest,
  httpFaults,
  type ResponseHandler,
} from "@tandem/libs/http";
import { Connection } from "./connection.ts";
import type { Living } from "./living.ts";
import type { SimulatedNetwork } from "./network.ts";

const connectTimeoutMs = 2_000;
const connectionsMax = 1_024;
const queueMax = 1_024;
const idleMax = 16;

/** Kept-alive connections of one process to one address. */
export class SimulatedPool implements ClientPool {
  readonly #network: SimulatedNetwork;
  readonly #process: Living;
  readonly #options: ClientPoolOptions;
  /** The processes at their other ends. */
  readonly #idle: Living[] = [];
  readonly #queue: QueuedCall[] = [];
  #open = 0;
  #isClosed: boolean = false;

  constructor(given: {
    readonly network: SimulatedNetwork;
    readonly process: Living;
    readonly options: ClientPoolOptions;
  }) {
    this.#network = given.network;
    this.#process = given.process;
    this.#options = given.options;
  }

  get openConnections(): number {
    return this.#open + this.#idle.length;
  }

  send(request: ClientRequest, handler: ResponseHandler): ClientCall {
    const { limits } = this.#options;
    const isFull = this.#open >= (limits?.connections ?? connectionsMax);
    if (this.#isClosed) return this.#refuse(handler, httpFaults.pool_closed());
    if (!isFull) return this.#start(request, handler);
    if (this.#queue.length >= (limits?.queue ?? queueMax)) {
      return this.#refuse(handler, httpFaults.pool_exhausted());
    }
    const queued = new QueuedCall(() => this.#start(request, handler));
    this.#queue.push(queued);
    return queued;
  }

  #refuse(handler: ResponseHandler, error: Error): ClientCall {
    const queued: QueuedCall = new QueuedCall((): ClientCall => queued);
    this.#process.after(0, () => {
      if (queued.isCancelled) return;
      const nothing = { requestStarted: false, headReceived: false, reusedConnection: false };
      handler.onFailure({ error, ...nothing });
    });
    return queued;
  }

  #start(request: ClientRequest, handler: ResponseHandler): Connection {
    this.#open += 1;
    return new Connection({
      network: this.#network,
      client: this.#process,
      address: this.#options.address,
      request,
      handler,
      reused: request.freshConnection === true ? undefined : this.#takeIdle(),
      connectTimeoutMs: this.#options.limits?.connectTimeoutMs ?? connectTimeoutMs,
      onOver: (kept) => this.#ended(kept),
    });
  }

  #takeIdle(): Living | undefined {
    for (;;) {
      const kept = this.#idle.pop();
      // The kernel has told of most that died; now and then the news is late.
      const isKnownDead = kept?.isAlive === false && this.#network.random.fraction() < 0.9;
      if (!isKnownDead) return kept;
    }
  }

  #ended(kept: Living | undefined): void {
    this.#open -= 1;
    if (kept !== undefined && this.#idle.length < idleMax && !this.#isClosed) this.#idle.push(kept);
    for (;;) {
      const next = this.#queue.shift();
      if (next === undefined) return;
      if (next.isCancelled) continue;
      next.start();
      return;
    }
  }

  close(): void {
    this.#isClosed = true;
    this.#idle.length = 0;
  }
}

/** A call that waits for a connection. */
class QueuedCall implements ClientCall {
  readonly #begin: () => ClientCall;
  #call: ClientCall | undefined;
  #isPaused: boolean = false;
  isCancelled: boolean = false;

  constructor(begin: () => ClientCall) {
    this.#begin = begin;
  }

  start(): void {
    this.#call = this.#begin();
    if (this.#isPaused) this.#call.pause();
  }

  cancel(): void {
    this.isCancelled = true;
    this.#call?.cancel();
  }

  pause(): void {
    this.#isPaused = true;
    this.#call?.pause();
  }

  resume(): void {
    this.#isPaused = false;
    this.#call?.resume();
  }

  writeBody(chunk: Buffer): boolean {
    return this.#call?.writeBody(chunk) ?? true;
  }

  endBody(): void {
    this.#call?.endBody();
  }

  onDrain(run: () => void): void {
    this.#call?.onDrain(run);
  }
}

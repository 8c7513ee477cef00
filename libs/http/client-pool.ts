import type { Timer, World } from "../world/index.ts";
import { hostFieldOf, type ParsedAddress, parseAddress } from "./address.ts";
import {
  ClientConnection,
  type ConnectionOwner,
  type TlsTrust,
  type Work,
} from "./client-connection.ts";
import type { ClientCall, ClientPool, ClientRequest, ResponseHandler } from "./contract.ts";
import { httpFaults } from "./faults.ts";
import { type ClientLimits, clientLimitsDefault, sweepPeriodMs } from "./limits.ts";

export interface ClientPoolOptions {
  /** `unix:/path`, `tcp:host:port` or `tls:host:port`. */
  readonly address: string;
  readonly world: World;
  readonly limits?: Partial<ClientLimits>;
  /** For `tls:` addresses. The certificate and its name are always checked. */
  readonly tls?: TlsTrust;
  /** The `host` field of requests; made from the address when absent. */
  readonly hostField?: string;
}

/**
 * Keep-alive connections to one address. The most recently used one goes first, so that the rest
 * can grow old and close. It never tries a request again: only the caller knows whether it may.
 */
export function createClientPool(options: ClientPoolOptions): ClientPool {
  return new KeepAlivePool(options);
}

class KeepAlivePool implements ClientPool, ConnectionOwner {
  readonly limits: ClientLimits;
  readonly hostField: string;
  readonly #address: ParsedAddress;
  readonly #trust: TlsTrust;
  readonly #world: World;
  readonly #open = new Set<ClientConnection>();
  readonly #idle: ClientConnection[] = [];
  readonly #queue: PooledCall[] = [];
  #sweeper: Timer | undefined;
  #sweepMs = 0;
  #sweptAtMs = 0;
  #isClosed = false;

  constructor(options: ClientPoolOptions) {
    this.limits = { ...clientLimitsDefault, ...options.limits };
    this.#address = parseAddress(options.address);
    this.hostField = options.hostField ?? hostFieldOf(this.#address);
    this.#trust = options.tls ?? {};
    this.#world = options.world;
  }

  get openConnections(): number {
    return this.#open.size;
  }

  send(request: ClientRequest, handler: ResponseHandler): ClientCall {
    const call = new PooledCall(request, handler);
    if (this.#isClosed) {
      failLater(call, httpFaults.pool_closed());
      return call;
    }
    const kept = request.freshConnection === true ? undefined : this.#idle.pop();
    if (kept !== undefined) call.startOn(kept);
    else if (this.#open.size < this.limits.connections || this.#dropIdle()) {
      call.startOn(this.#connect());
    } else if (this.#queue.length < this.limits.queue) this.#queue.push(call);
    else failLater(call, httpFaults.pool_exhausted());
    return call;
  }

  close(): void {
    this.#isClosed = true;
    for (const connection of this.#idle.splice(0)) connection.abandon();
    for (const call of this.#queue.splice(0)) failLater(call, httpFaults.pool_closed());
  }

  idle(connection: ClientConnection): void {
    if (this.#isClosed) {
      connection.abandon();
      return;
    }
    const next = this.#nextQueued();
    if (next === undefined) {
      this.#idle.push(connection);
    } else if (next.request.freshConnection === true) {
      connection.abandon();
      this.#open.delete(connection);
      next.startOn(this.#connect());
    } else {
      next.startOn(connection);
    }
  }

  closed(connection: ClientConnection): void {
    this.#open.delete(connection);
    const at = this.#idle.indexOf(connection);
    if (at >= 0) this.#idle.splice(at, 1);
    if (this.#open.size === 0) this.#sweepEvery(0);
    if (this.#open.size < this.limits.connections) this.#nextQueued()?.startOn(this.#connect());
  }

  #nextQueued(): PooledCall | undefined {
    for (;;) {
      const next = this.#queue.shift();
      if (next === undefined || !next.isCancelled) return next;
    }
  }

  /** Makes room for a fresh connection where only idle ones fill the pool. */
  #dropIdle(): boolean {
    const oldest = this.#idle.shift();
    if (oldest === undefined) return false;
    this.#open.delete(oldest);
    oldest.abandon();
    return true;
  }

  #connect(): ClientConnection {
    const connection = new ClientConnection(this.#address, { owner: this, trust: this.#trust });
    this.#open.add(connection);
    // One that is being made has less time than those that are idle.
    const periodMs = sweepPeriodMs([connection.patienceMs]);
    if (this.#sweepMs === 0 || periodMs < this.#sweepMs) this.#sweepEvery(periodMs);
    return connection;
  }

  /** 0: there is nothing to look at. */
  #sweepEvery(periodMs: number): void {
    if (periodMs === this.#sweepMs) return;
    if (this.#sweepMs === 0) this.#sweptAtMs = this.#world.clock.monotonicMs();
    this.#sweepMs = periodMs;
    this.#sweeper?.cancel();
    this.#sweeper =
      periodMs === 0 ? undefined : this.#world.timers.every(periodMs, () => this.#sweep());
  }

  #sweep(): void {
    const nowMs = this.#world.clock.monotonicMs();
    const passedMs = nowMs - this.#sweptAtMs;
    this.#sweptAtMs = nowMs;
    let patienceMs = Number.POSITIVE_INFINITY;
    for (const connection of this.#open) {
      connection.sweep(passedMs);
      patienceMs = Math.min(patienceMs, connection.patienceMs);
    }
    if (this.#open.size > 0) this.#sweepEvery(sweepPeriodMs([patienceMs]));
  }
}

/** Hands the failure over in a turn of its own: a handler is never called from within `send`. */
function failLater(call: PooledCall, error: Error): void {
  process.nextTick(() => call.failUnsent(error));
}

/** A call: waiting for a connection → on it → over, or cancelled from each. */
class PooledCall implements ClientCall, Work {
  readonly request: ClientRequest;
  readonly handler: ResponseHandler;
  #connection: ClientConnection | undefined;
  #isStarted = false;
  #isCancelled = false;
  /** Pieces of a streamed body that came before the connection did. */
  #early: Buffer[] = [];
  #endedEarly = false;
  #drainHandlers: (() => void)[] = [];

  constructor(request: ClientRequest, handler: ResponseHandler) {
    this.request = request;
    this.handler = handler;
  }

  get isCancelled(): boolean {
    return this.#isCancelled;
  }

  startOn(connection: ClientConnection): void {
    this.#connection = connection;
    connection.start(this);
  }

  started(): void {
    this.#isStarted = true;
    for (const piece of this.#early.splice(0)) this.#connection?.writeBody(piece);
    if (this.#endedEarly) this.#connection?.endBody();
    for (const run of this.#drainHandlers.splice(0)) this.#connection?.onBodyDrain(run);
  }

  failUnsent(error: Error): void {
    if (this.#isCancelled) return;
    this.handler.onFailure({
      error,
      requestStarted: false,
      headReceived: false,
      reusedConnection: false,
    });
  }

  cancel(): void {
    this.#isCancelled = true;
    this.#working()?.abandon();
  }

  pause(): void {
    this.#working()?.pause();
  }

  resume(): void {
    this.#working()?.resume();
  }

  writeBody(chunk: Buffer): boolean {
    if (this.#isStarted) return this.#working()?.writeBody(chunk) ?? true;
    this.#early.push(chunk);
    return false;
  }

  onDrain(run: () => void): void {
    if (this.#isStarted) this.#working()?.onBodyDrain(run);
    else this.#drainHandlers.push(run);
  }

  endBody(): void {
    if (this.#isStarted) this.#working()?.endBody();
    else this.#endedEarly = true;
  }

  /** The connection, as long as it is this call's. */
  #working(): ClientConnection | undefined {
    const connection = this.#connection;
    return connection?.worksOn(this) ? connection : undefined;
  }
}

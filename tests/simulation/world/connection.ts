import type { ClientCall, ClientRequest, ResponseHandler } from "@tandem/libs/http";
import { headOf, SimulatedExchange } from "./exchange.ts";
import { Fields } from "./fields.ts";
import type { Living } from "./living.ts";
import type { BoundServer, OpenConnection, SimulatedNetwork } from "./network.ts";
import { Pipe, type PipeRoad } from "./pipe.ts";

/** Bytes that may wait for a slow reader before its source is asked to wait. */
const windowBytes = 65_536;

export interface ConnectionOptions {
  readonly network: SimulatedNetwork;
  readonly client: Living;
  readonly address: string;
  readonly request: ClientRequest;
  readonly handler: ResponseHandler;
  /** The server's process that a kept-alive connection leads to; undefined for a fresh one. */
  readonly reused: Living | undefined;
  readonly connectTimeoutMs: number;
  /** It is over; `isKept` when the connection can carry another request. */
  readonly onOver: (kept: Living | undefined) => void;
}

/**
 * One request and its answer between two processes. States of the client's side: connecting → sent
 * → answered (the head came) → over. It fails as TCP does: refused, reset, or silent.
 */
export class Connection implements ClientCall, OpenConnection {
  readonly client: Living;
  readonly address: string;
  readonly #options: ConnectionOptions;
  readonly #way: PipeRoad;
  readonly #there: Pipe;
  readonly #back: Pipe;
  #server: BoundServer | undefined;
  #exchange: SimulatedExchange | undefined;
  #state: "connecting" | "sent" | "answered" | "over" = "connecting";

  constructor(options: ConnectionOptions) {
    const { network, client } = options;
    this.#options = options;
    this.client = client;
    this.address = options.address;
    this.#server = network.serverAt(options.address);
    const { scheduler } = network;
    const there = this.#roadOf("there");
    const back = this.#roadOf("back");
    this.#way = there;
    this.#there = new Pipe({ scheduler, receiver: () => this.#server?.process, road: there });
    this.#back = new Pipe({ scheduler, receiver: () => client, road: back });
    network.connections.add(this);
    this.#connect();
  }

  get server(): Living | undefined {
    return this.#server?.process;
  }

  #roadOf(direction: "there" | "back") {
    const { network, client } = this.#options;
    const from = client.machine.name;
    const to = machineOf(this.address);
    const link = direction === "there" ? network.link(from, to) : network.link(to, from);
    return {
      delayMs: () => link.delayMs + link.jitterMs * network.random.fraction(),
      blockedMs: () => Math.max(0, link.blockedUntilMs - network.scheduler.nowMs),
    };
  }

  #connect(): void {
    const { reused, client, connectTimeoutMs } = this.#options;
    if (reused !== undefined) {
      this.#state = "sent";
      if (reused.isAlive && this.#server?.process === reused) this.#there.send(() => this.#open());
      else this.#knock(() => this.#back.send(() => this.#fail("ECONNRESET", true)));
      return;
    }
    const deadline = client.after(connectTimeoutMs, () => {
      if (this.#state === "connecting") this.#fail("connect timed out", false);
    });
    this.#knock(() => {
      if (this.#state !== "connecting") return;
      const knocked = this.#server;
      const isThere = knocked?.isListening === true;
      this.#back.send(() => {
        if (this.#state !== "connecting") return;
        deadline.cancel();
        if (!isThere) {
          this.#fail("ECONNREFUSED", false);
          return;
        }
        this.#state = "sent";
        if (knocked?.process.isAlive === false) this.#fail("ECONNRESET", true);
        else this.#there.send(() => this.#open());
      });
    });
  }

  /** Reaches the server's machine, whether a process is there or not. */
  #knock(run: () => void): void {
    const { network } = this.#options;
    const road = this.#way;
    const arrive = (): void => {
      const blockedMs = road.blockedMs();
      if (blockedMs === 0) run();
      else if (Number.isFinite(blockedMs)) network.scheduler.after(blockedMs + 1, arrive);
    };
    network.scheduler.after(road.delayMs(), arrive);
  }

  /** The request arrives at the server. */
  #open(): void {
    const server = this.#server;
    const { request, client, network } = this.#options;
    if (this.#state === "over") return;
    if (server === undefined || !server.isListening) {
      // It was accepted, and is closed as idle by a server that ends.
      this.#back.send(() => this.#fail("ECONNRESET", true));
      return;
    }
    if (network.tampering.get(client.machine.name)?.swallows === true) return;
    const { body } = request;
    const fields = new Fields(request.headers);
    const length = Buffer.isBuffer(body) ? body.length : undefined;
    const exchange = new SimulatedExchange(
      headOf({ method: request.method, target: request.target, fields }, length),
      { sink: this.#sink(), remoteAddress: `sim:${client.machine.name}` },
    );
    this.#exchange = exchange;
    server.take(exchange);
    if (Buffer.isBuffer(body) && body.length > 0) exchange.feed(Buffer.from(body));
    if (body !== "stream") exchange.feed(undefined);
    this.#mayRepeat(server, fields, network);
  }

  /** A message that is delivered once more, later: nobody waits for what it is answered. */
  #mayRepeat(server: BoundServer, fields: Fields, network: SimulatedNetwork): void {
    const { request } = this.#options;
    const isInternal = fields.get("content-type") === "application/proto";
    const { duplicates, lateMs } = network.habits;
    if (!isInternal || duplicates === 0 || network.random.fraction() >= duplicates) return;
    const { body } = request;
    for (let copy = 0; copy < 2; copy += 1) {
      network.scheduler.after(network.random.fraction() * lateMs, () => {
        const now = network.serverAt(this.address) ?? server;
        now.process.after(0, () => {
          if (!now.isListening || !Buffer.isBuffer(body)) return;
          const again = new SimulatedExchange(
            headOf({ method: request.method, target: request.target, fields }, body.length),
            { sink: nobody, remoteAddress: "" },
          );
          now.take(again);
          again.feed(Buffer.from(body));
          again.feed(undefined);
        });
      });
    }
  }

  #sink() {
    const { handler, network } = this.#options;
    const isLost = (): boolean => {
      const { losses } = network.habits;
      const isInternal = handlerIsInternal(this.#options.request);
      return isInternal && losses > 0 && network.random.fraction() < losses;
    };
    return {
      head: (status: number, headers: Fields, contentLength: number | undefined) => {
        if (isLost()) {
          this.reset();
          return;
        }
        this.#back.send(() => {
          if (this.#state !== "sent") return;
          this.#state = "answered";
          const seen = this.#tampering?.fields?.(headers) ?? headers;
          handler.onHead({ status, headers: seen, contentLength });
        });
      },
      chunk: (bytes: Buffer) => this.#sendChunk(bytes),
      end: () =>
        this.#back.send(() => {
          if (this.#state !== "answered") return;
          this.#over(this.#server?.process);
          handler.onEnd();
        }),
      cut: () => this.#back.send(() => this.#fail("connection broke", true)),
      onDrain: (run: () => void) => this.#back.onDrain(run),
    };
  }

  get #tampering() {
    return this.#options.network.tampering.get(this.client.machine.name);
  }

  /** Reads on a network end anywhere. */
  #sendChunk(given: Buffer): boolean {
    const { handler, network } = this.#options;
    const bytes = this.#tampering?.chunk?.(given) ?? given;
    const deliver = (part: Buffer): void => {
      this.#back.send(() => {
        if (this.#state === "answered") handler.onChunk(part);
      }, part.length);
    };
    const at = network.random.fraction() < 0.2 ? network.random.integer(bytes.length) : 0;
    if (at > 0) deliver(Buffer.from(bytes.subarray(0, at)));
    deliver(at > 0 ? Buffer.from(bytes.subarray(at)) : bytes);
    return this.#back.bytes < windowBytes;
  }

  #fail(reason: string, requestStarted: boolean): void {
    if (this.#state === "over") return;
    const headReceived = this.#state === "answered";
    this.#over(undefined);
    this.#exchange?.abort();
    this.#options.handler.onFailure({
      error: new Error(reason),
      requestStarted,
      headReceived,
      reusedConnection: this.#options.reused !== undefined,
    });
  }

  #over(kept: Living | undefined): void {
    this.#state = "over";
    this.#options.network.connections.delete(this);
    this.#options.onOver(kept);
  }

  /** Both ends hear of it. */
  reset(): void {
    if (this.#state === "over") return;
    const requestStarted = this.#state !== "connecting";
    this.#there.send(() => this.#exchange?.abort());
    this.#back.send(() => this.#fail("ECONNRESET", requestStarted));
  }

  /** One of its processes was killed: the kernel of that machine tells the other one. */
  died(process: Living): void {
    if (process === this.client) {
      this.#state = "over";
      this.#options.network.connections.delete(this);
      this.#back.drop();
      this.#there.send(() => this.#exchange?.abort());
    } else if (process === this.#server?.process) {
      const { network } = this.#options;
      this.#there.drop();
      // What it had written may still arrive, or be dropped by the reset that follows.
      if (network.random.fraction() < 0.5) this.#back.drop();
      if (this.#state === "connecting") return;
      this.#back.send(() => this.#fail("ECONNRESET", true));
    }
  }

  cancel(): void {
    if (this.#state === "over") return;
    const wasSent = this.#state !== "connecting";
    this.#over(undefined);
    this.#back.drop();
    if (wasSent) this.#there.send(() => this.#exchange?.abort());
  }

  pause(): void {
    this.#back.pause();
  }

  resume(): void {
    this.#back.resume();
  }

  writeBody(chunk: Buffer): boolean {
    const own = Buffer.from(chunk);
    this.#there.send(() => this.#exchange?.feed(own), own.length);
    return this.#there.bytes < windowBytes;
  }

  endBody(): void {
    this.#there.send(() => this.#exchange?.feed(undefined));
  }

  onDrain(run: () => void): void {
    this.#there.onDrain(run);
  }
}

const nobody = {
  head: () => undefined,
  chunk: () => true,
  end: () => undefined,
  cut: () => undefined,
  onDrain: () => undefined,
};

function handlerIsInternal({ headers }: ClientRequest): boolean {
  return !("lines" in headers) && headers.some(([, value]) => value === "application/proto");
}

const machines = new Map<string, string>();

/** `unix:/sim/ai-1/ai-1.sock` and `tcp:mock-1:80` → the machine's name. */
export function machineOf(address: string): string {
  let name = machines.get(address);
  if (name === undefined) {
    const host = /\/([^/]+)\/[^/]+\.sock$/.exec(address)?.[1] ?? address.split(":")[1];
    name = host ?? address;
    machines.set(address, name);
  }
  return name;
}

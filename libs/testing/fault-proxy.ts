import { connect, createServer, type Server, type Socket } from "node:net";
import { type SeededRandom, seededRandom } from "./seeded-random.ts";

/** What a proxy does to the bytes of one direction. Sizes in bytes, times in milliseconds. */
export interface LinkFaults {
  /** Every chunk is held this long, plus up to `jitterMs`, and never overtakes another. */
  readonly latencyMs?: number;
  readonly jitterMs?: number;
  readonly bytesPerSecond?: number;
  /** Chunks are cut into slices of this size, `sliceEveryMs` apart. */
  readonly sliceBytes?: number;
  readonly sliceEveryMs?: number;
  /** After this many bytes the connection is broken off by reset. */
  readonly limitBytes?: number;
  /**
   * Bytes vanish, and so does the end of the connection: the silent partition. A connection that
   * lost some is reset by the next bytes after it has healed.
   */
  readonly blackhole?: boolean;
  /** Chance in [0, 1] that one byte of a chunk is changed. */
  readonly corruption?: number;
  /**
   * Chance in [0, 1] that a packet is lost, as a connection feels it: the packet and all behind it
   * come when it is sent again, 200 ms later, 200 ms after that when that is lost as well, and
   * then twice as long each time.
   */
  readonly loss?: number;
  /** The end of the connection is passed on this much later. */
  readonly slowCloseMs?: number;
}

export interface ProxyFaults {
  /** Accepts nothing: the listening socket is closed. */
  readonly refuse?: boolean;
  /** Resets a new connection as soon as it is there. */
  readonly resetNew?: boolean;
  /** Resets every connection this long after it came. */
  readonly resetAfterMs?: number;
  /** Client to target. */
  readonly up?: LinkFaults;
  /** Target to client. */
  readonly down?: LinkFaults;
}

/** Where a proxy listens or leads to: a port of 127.0.0.1, or the path of a Unix socket. */
export type Door = number | string;

export interface FaultProxy {
  readonly door: Door;
  readonly openConnections: number;
  /** Replaces all faults, for new chunks of old connections too; `{}` heals. */
  set(faults: ProxyFaults): Promise<void>;
  /** Resets every open connection now. */
  cutAll(): void;
  close(): Promise<void>;
}

interface Pair {
  readonly client: Socket;
  readonly target: Socket;
}

/**
 * A proxy between two processes of this machine that breaks their connection in every known way,
 * since not every kernel has a network emulator. The same seed corrupts the same bytes.
 */
export async function faultProxy(options: {
  readonly target: Door;
  readonly listen?: Door;
  readonly faults?: ProxyFaults;
  readonly seed?: number;
}): Promise<FaultProxy> {
  const random = seededRandom(options.seed ?? 1);
  const pairs = new Set<Pair>();
  let faults = options.faults ?? {};
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
    client.on("error", () => undefined);
    if (faults.resetNew) {
      reset(client);
      return;
    }
    const target = connectTo(options.target);
    target.on("error", () => reset(client));
    const pair = { client, target };
    pairs.add(pair);
    client.on("close", () => pairs.delete(pair));
    relay(client, target, { random, faults: () => faults.up ?? {} });
    relay(target, client, { random, faults: () => faults.down ?? {} });
    if (faults.resetAfterMs !== undefined) {
      const timer = setTimeout(() => resetPair(pair), faults.resetAfterMs);
      client.on("close", () => clearTimeout(timer));
    }
  });
  await listenAt(server, options.listen ?? 0);
  const door = options.listen ? options.listen : portOf(server);
  const cutAll = (): void => {
    for (const pair of pairs) resetPair(pair);
  };
  return {
    door,
    get openConnections() {
      return pairs.size;
    },
    async set(next) {
      const isOpen = server.listening;
      faults = next;
      if (next.refuse && isOpen) await closeServer(server);
      if (!next.refuse && !isOpen) await listenAt(server, door);
    },
    cutAll,
    async close() {
      cutAll();
      if (server.listening) await closeServer(server);
    },
  };
}

function connectTo(door: Door): Socket {
  const options = { allowHalfOpen: true, noDelay: true };
  return typeof door === "string"
    ? connect({ ...options, path: door })
    : connect({ ...options, port: door, host: "127.0.0.1" });
}

function listenAt(server: Server, door: Door): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(typeof door === "string" ? { path: door } : { port: door, host: "127.0.0.1" });
    server.once("listening", () => {
      server.off("error", reject);
      resolve();
    });
  });
}

function portOf(server: Server): number {
  const address = server.address();
  return typeof address === "object" && address !== null ? address.port : 0;
}

/** Stops listening at once; connections that are open stay so. */
function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close();
    setImmediate(resolve);
  });
}

function reset(socket: Socket): void {
  if (socket.destroyed) return;
  if (socket.remoteAddress === undefined) socket.destroy();
  else socket.resetAndDestroy();
}

function resetPair({ client, target }: Pair): void {
  reset(client);
  reset(target);
}

interface Link {
  readonly random: SeededRandom;
  readonly faults: () => LinkFaults;
}

/** Things to do in order, each not before its time. */
interface Line {
  /** Adds one; never runs before those that were added earlier. */
  push(atMs: number, run: () => void): void;
  clear(): void;
}

function createLine(): Line {
  const waiting: { readonly atMs: number; readonly run: () => void }[] = [];
  let timer: NodeJS.Timeout | undefined;
  const work = (): void => {
    timer = undefined;
    for (let next = waiting[0]; next; next = waiting[0]) {
      const waitMs = next.atMs - performance.now();
      if (waitMs > 0) {
        timer = setTimeout(work, waitMs);
        return;
      }
      waiting.shift();
      next.run();
    }
  };
  return {
    push(atMs, run) {
      waiting.push({ atMs, run });
      if (timer === undefined && waiting.length === 1) work();
    },
    clear() {
      clearTimeout(timer);
      waiting.length = 0;
    },
  };
}

/** Carries one direction. Slices wait in line for their time, so none overtakes another. */
function relay(from: Socket, to: Socket, { random, faults }: Link): void {
  let passed = 0;
  let lineFreeMs = 0;
  let hasHole: boolean = false;
  let isFull: boolean = false;
  const line = createLine();
  const send = (slice: Buffer): void => {
    const room = (faults().limitBytes ?? Number.POSITIVE_INFINITY) - passed;
    const allowed = slice.subarray(0, Math.max(0, room));
    passed += allowed.length;
    const isOver = allowed.length < slice.length;
    const flows = to.write(allowed, () => {
      if (isOver) resetPair({ client: from, target: to });
    });
    if (flows || isFull) return;
    isFull = true;
    from.pause();
    to.once("drain", () => {
      isFull = false;
      from.resume();
    });
  };
  from.on("data", (chunk) => {
    const { blackhole, sliceBytes, sliceEveryMs = 0, bytesPerSecond, ...link } = faults();
    hasHole ||= blackhole === true;
    if (blackhole) return;
    // What comes behind a hole is never passed on: no connection leaves bytes out.
    if (hasHole) {
      resetPair({ client: from, target: to });
      return;
    }
    const lostMs = resentAfterMs(chunk.length, link.loss, random);
    const arrivedMs = performance.now() + delayOf(link, random) + lostMs;
    for (const slice of slicesOf(corrupted(chunk, link.corruption, random), sliceBytes)) {
      const carryMs = bytesPerSecond ? (slice.length * 1_000) / bytesPerSecond : 0;
      const atMs = Math.max(arrivedMs, lineFreeMs) + carryMs;
      lineFreeMs = atMs + sliceEveryMs;
      line.push(atMs, () => send(slice));
    }
  });
  from.on("end", () => {
    const { blackhole, slowCloseMs = 0 } = faults();
    if (!blackhole) line.push(performance.now() + slowCloseMs, () => to.end());
  });
  from.on("close", (hadError) => {
    if (!hadError || faults().blackhole) return;
    line.clear();
    reset(to);
  });
}

function delayOf({ latencyMs = 0, jitterMs = 0 }: LinkFaults, random: SeededRandom): number {
  return latencyMs + (jitterMs === 0 ? 0 : jitterMs * random.fraction());
}

const packetBytes = 1_460;
/** Linux's least time to wait for an acknowledgement. */
const resendMs = 200;
const resendMsMax = 6_400;
/**
 * How often a packet is sent again before the pauses double: once as a probe for a lost tail
 * (RFC 8985, 7.2; of a single packet, after as long as it waits for an acknowledgement), which
 * leaves the timer of retransmissions as it was (7.3).
 */
const probes = 1;

/** When the last of a chunk's packets has come through at last. */
function resentAfterMs(bytes: number, loss: number | undefined, random: SeededRandom): number {
  if (!loss) return 0;
  let slowestMs = 0;
  for (let sent = 0; sent < bytes; sent += packetBytes) {
    let waitedMs = 0;
    let nextMs = resendMs;
    for (let sends = 0; nextMs <= resendMsMax && random.fraction() < loss; sends += 1) {
      waitedMs += nextMs;
      if (sends >= probes) nextMs *= 2;
    }
    slowestMs = Math.max(slowestMs, waitedMs);
  }
  return slowestMs;
}

function corrupted(chunk: Buffer, chance: number | undefined, random: SeededRandom): Buffer {
  if (!chance || random.fraction() >= chance || chunk.length === 0) return chunk;
  const position = random.integer(chunk.length);
  const copy = Buffer.from(chunk);
  copy[position] = (copy[position] ?? 0) ^ (1 + random.integer(255));
  return copy;
}

function slicesOf(chunk: Buffer, sliceBytes: number | undefined): Buffer[] {
  if (!sliceBytes) return [chunk];
  const slices: Buffer[] = [];
  for (let start = 0; start < chunk.length; start += sliceBytes) {
    slices.push(chunk.subarray(start, start + sliceBytes));
  }
  return slices;
}

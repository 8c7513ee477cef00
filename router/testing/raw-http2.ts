/**
 * HTTP/2 by hand (RFC 9113), for clients that no library would let exist: every frame is written as
 * its bytes, and what the server says is only counted.
 */
import { connect, type Socket } from "node:net";

export const frameTypes = {
  data: 0,
  headers: 1,
  priority: 2,
  rstStream: 3,
  settings: 4,
  ping: 6,
  goAway: 7,
  windowUpdate: 8,
  continuation: 9,
} as const;

export const frameFlags = { endStream: 1, ack: 1, endHeaders: 4 } as const;

const frameHeadBytes = 9;
/** Tells the pings that are waited for from those of a flood. */
const waitingPing = 0x7761_6974;
const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

export function frame(
  type: number,
  given: { readonly flags?: number; readonly stream?: number; readonly payload?: Buffer } = {},
): Buffer {
  const { flags = 0, stream = 0, payload = Buffer.alloc(0) } = given;
  const head = Buffer.alloc(frameHeadBytes);
  head.writeUIntBE(payload.length, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

export function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

/** Identifier and value of each setting. */
export function settings(...pairs: readonly (readonly [id: number, value: number])[]): Buffer {
  const payload = Buffer.alloc(6 * pairs.length);
  for (const [at, [id, value]] of pairs.entries()) {
    payload.writeUInt16BE(id, 6 * at);
    payload.writeUInt32BE(value, 6 * at + 2);
  }
  return frame(frameTypes.settings, { payload });
}

/** RFC 7541, 5.1: a number behind a prefix of so many bits. */
function hpackNumber(value: number, prefixBits: number, firstByte: number): Buffer {
  const most = 2 ** prefixBits - 1;
  if (value < most) return Buffer.from([firstByte | value]);
  const bytes = [firstByte | most];
  let rest = value - most;
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 128);
  return Buffer.from([...bytes, rest]);
}

function hpackText(text: string): Buffer {
  return Buffer.concat([hpackNumber(text.length, 7, 0), Buffer.from(text, "latin1")]);
}

/** A literal field with its name; kept in the decoder's table when `isKept`. */
export function hpackField(name: string, value: string, { isKept = false } = {}): Buffer {
  return Buffer.concat([Buffer.from([isKept ? 0x40 : 0]), hpackText(name), hpackText(value)]);
}

/** The newest entry of the decoder's dynamic table, in one byte (RFC 7541, 2.3.3). */
export const newestEntry = 0xbe;

/** The pseudo-fields of a request, which come first. */
export function requestFields(path: string, method: "GET" | "POST" = "GET"): Buffer {
  const methodEntry = method === "GET" ? 0x82 : 0x83;
  return Buffer.concat([
    Buffer.from([methodEntry, 0x86, 0x04]),
    hpackText(path),
    Buffer.from([0x01]),
    hpackText("tandem.test"),
  ]);
}

export function headers(
  stream: number,
  block: Buffer,
  { flags = frameFlags.endHeaders | frameFlags.endStream }: { readonly flags?: number } = {},
): Buffer {
  return frame(frameTypes.headers, { flags, stream, payload: block });
}

/** A connection whose client keeps to no rule, and what the server has told it. */
export class RawSession {
  readonly socket: Socket;
  /** Frames that came, by type. */
  readonly seen = new Map<number, number>();
  /** The error code of each RST_STREAM. */
  readonly resets: number[] = [];
  /** Undefined until GOAWAY comes. */
  goAwayCode: number | undefined;
  isClosed = false;
  dataBytes = 0;
  #pings = 0;
  #onPong: (() => void) | undefined;
  #rest: Buffer = Buffer.alloc(0);

  private constructor(port: number) {
    this.socket = connect({ port, host: "127.0.0.1", noDelay: true });
    this.socket.on("data", (chunk) => this.#read(chunk));
    this.socket.on("error", () => undefined);
    this.socket.on("close", () => {
      this.isClosed = true;
      this.#onPong?.();
    });
  }

  /** Says hello with these settings, and confirms the server's as soon as they come. */
  static open(port: number, first: Buffer = settings()): RawSession {
    const session = new RawSession(port);
    session.write(Buffer.concat([Buffer.from(preface), first]));
    return session;
  }

  /** False when the socket is full. */
  write(bytes: Buffer): boolean {
    return this.socket.destroyed || this.socket.write(bytes);
  }

  count(type: number): number {
    return this.seen.get(type) ?? 0;
  }

  /** Resolves when the server has read it, as its answer to a PING behind it tells, or has gone. */
  async writeAndWait(bytes: Buffer): Promise<void> {
    if (this.isClosed) return;
    this.#pings += 1;
    const payload = Buffer.concat([uint32(waitingPing), uint32(this.#pings)]);
    this.write(Buffer.concat([bytes, frame(frameTypes.ping, { payload })]));
    await new Promise<void>((resolve) => {
      this.#onPong = resolve;
    });
  }

  /**
   * Writes what `next` gives, as fast as it is taken, until the server has had enough, or for
   * `forMs`. Gives how many pieces went out.
   */
  async flood(next: (at: number) => Buffer, forMs: number): Promise<number> {
    const endMs = performance.now() + forMs;
    let pieces = 0;
    while (!this.isClosed && performance.now() < endMs) {
      const hasRoom = this.write(next(pieces));
      pieces += 1;
      await (hasRoom ? turn() : this.#drained(endMs));
    }
    return pieces;
  }

  #drained(endMs: number): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        this.socket.off("drain", done);
        this.socket.off("close", done);
        resolve();
      };
      const timer = setTimeout(done, Math.max(0, endMs - performance.now()));
      this.socket.once("drain", done);
      this.socket.once("close", done);
    });
  }

  #read(chunk: Buffer): void {
    let bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    while (bytes.length >= frameHeadBytes) {
      const length = bytes.readUIntBE(0, 3);
      if (bytes.length < frameHeadBytes + length) break;
      this.#took(bytes.readUInt8(3), {
        flags: bytes.readUInt8(4),
        payload: bytes.subarray(frameHeadBytes, frameHeadBytes + length),
      });
      bytes = bytes.subarray(frameHeadBytes + length);
    }
    this.#rest = Buffer.from(bytes);
  }

  #took(type: number, { flags, payload }: { flags: number; payload: Buffer }): void {
    this.seen.set(type, this.count(type) + 1);
    if (type === frameTypes.data) this.dataBytes += payload.length;
    const isPong = type === frameTypes.ping && payload.readUInt32BE(0) === waitingPing;
    if (isPong && payload.readUInt32BE(4) === this.#pings) this.#onPong?.();
    if (type === frameTypes.goAway) this.goAwayCode ??= payload.readUInt32BE(4);
    if (type === frameTypes.rstStream) this.resets.push(payload.readUInt32BE(0));
    if (type === frameTypes.settings && (flags & frameFlags.ack) === 0) {
      this.write(frame(frameTypes.settings, { flags: frameFlags.ack }));
    }
  }
}

function turn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

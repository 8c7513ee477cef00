/**
 * Counts what a connection of `node:http` really puts on the wire, and breaks it at a chosen byte.
 * The server's own framing (head, chunk sizes) is counted too, for that is where connections break.
 */
import type { Socket } from "node:net";

export interface WireCut {
  readonly atByte: number;
  readonly how: "reset" | "end" | "stall";
}

export interface WireMeter {
  /** Bytes of the response under way. */
  readonly bytes: number;
  /** True once the cut has happened. */
  readonly isCut: boolean;
  /** Starts counting a new response, which will be cut as told. */
  begin(cut: WireCut | undefined): void;
}

const meters = new WeakMap<Socket, WireMeter>();

/** The meter of a connection; the first call puts it in. */
export function meterOf(socket: Socket): WireMeter {
  const existing = meters.get(socket);
  if (existing) return existing;
  const meter = installMeter(socket);
  meters.set(socket, meter);
  return meter;
}

type WriteCallback = (error?: Error | null) => void;

function installMeter(socket: Socket): WireMeter {
  const write = socket.write.bind(socket);
  let bytes = 0;
  let isCut = false;
  let cut: WireCut | undefined;

  const metered = (
    chunk: Uint8Array | string,
    encoding?: BufferEncoding | WriteCallback,
    callback?: WriteCallback,
  ): boolean => {
    const done = typeof encoding === "function" ? encoding : callback;
    const data =
      typeof chunk === "string"
        ? Buffer.from(chunk, typeof encoding === "string" ? encoding : "utf8")
        : chunk;
    if (isCut) return true;
    if (cut === undefined || bytes + data.length < cut.atByte) {
      bytes += data.length;
      return write(data, done);
    }
    const allowed = data.subarray(0, cut.atByte - bytes);
    const { how } = cut;
    bytes += allowed.length;
    isCut = true;
    write(allowed, () => breakSocket(socket, how));
    return true;
  };
  // Node's ServerResponse sends everything through its connection's `write`; there is no other
  // place where its own framing can be seen.
  Object.defineProperty(socket, "write", { value: metered });

  return {
    get bytes() {
      return bytes;
    },
    get isCut() {
      return isCut;
    },
    begin(nextCut) {
      bytes = 0;
      isCut = false;
      cut = nextCut;
    },
  };
}

/** Breaks a connection off: by TCP reset, by an orderly close, or by saying nothing any more. */
export function breakSocket(socket: Socket, how: WireCut["how"]): void {
  if (how === "stall" || socket.destroyed) return;
  socket.uncork();
  if (how === "end") {
    socket.end();
    return;
  }
  // A Unix socket has no reset; closing it with unread data is the nearest thing.
  if (socket.remoteAddress === undefined) socket.destroy();
  else socket.resetAndDestroy();
}

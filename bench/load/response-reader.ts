/**
 * Reads HTTP/1.1 responses from one kept-alive connection with as little work as can be: the load
 * generator must be cheaper than what it measures. It trusts the server, and is used here only.
 */
export interface ResponseListener {
  onHead(status: number): void;
  /** Bytes of the body, chunk framing removed; valid during the call only. */
  onBody(bytes: Buffer): void;
  onEnd(): void;
}

export interface ResponseReader {
  /** Takes what the socket gave. Throws on what is not a response. */
  push(bytes: Buffer): void;
}

const headEnd = Buffer.from("\r\n\r\n");
const zero = 0x30;

/** States: head → length, or size ⇄ chunk → trailer; then head again. */
type State = "head" | "length" | "size" | "chunk" | "trailer";

export function responseReader(listener: ResponseListener): ResponseReader {
  let state: State = "head";
  let held: Buffer = Buffer.alloc(0);
  let left = 0;

  const end = (): void => {
    state = "head";
    listener.onEnd();
  };
  const readHead = (bytes: Buffer): number => {
    const position = bytes.indexOf(headEnd);
    if (position < 0) return -1;
    const head = bytes.toString("latin1", 0, position + 2);
    const status =
      (bytes.readUInt8(9) - zero) * 100 +
      (bytes.readUInt8(10) - zero) * 10 +
      (bytes.readUInt8(11) - zero);
    listener.onHead(status);
    const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1];
    if (length !== undefined) {
      left = Number(length);
      state = "length";
      if (left === 0) end();
    } else if (/\r\ntransfer-encoding: *chunked/i.test(head)) {
      state = "size";
    } else {
      throw new Error(`cannot tell where this response ends:\n${head}`);
    }
    return position + headEnd.length;
  };
  const readBody = (bytes: Buffer): number => {
    const part = Math.min(left, bytes.length);
    if (part > 0) listener.onBody(part === bytes.length ? bytes : bytes.subarray(0, part));
    left -= part;
    if (left > 0) return part;
    if (state === "length") {
      end();
      return part;
    }
    // The line end after the chunk is read with it, so that it needs no state of its own.
    if (bytes.length < part + 2) return part;
    state = "size";
    return part + 2;
  };
  const readLine = (bytes: Buffer): number => {
    const lineEnd = bytes.indexOf("\r\n");
    if (lineEnd < 0) return -1;
    if (state === "trailer") {
      if (lineEnd === 0) end();
      return lineEnd + 2;
    }
    left = Number.parseInt(bytes.toString("latin1", 0, lineEnd), 16);
    state = left === 0 ? "trailer" : "chunk";
    return lineEnd + 2;
  };
  const step = (bytes: Buffer): number => {
    if (state === "head") return readHead(bytes);
    if (state === "length") return readBody(bytes);
    if (state === "chunk") return left === 0 && bytes.length < 2 ? -1 : readBody(bytes);
    return readLine(bytes);
  };
  return {
    push(chunk) {
      let bytes = held.length === 0 ? chunk : Buffer.concat([held, chunk]);
      held = Buffer.alloc(0);
      while (bytes.length > 0) {
        const used = step(bytes);
        if (used < 0) {
          held = Buffer.from(bytes);
          return;
        }
        bytes = bytes.subarray(used);
      }
    },
  };
}

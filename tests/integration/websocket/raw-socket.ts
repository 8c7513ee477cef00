import { connect } from "node:net";

/** A WebSocket client without manners: it writes whatever bytes it is given. */
export interface RawSocket {
  /** Of the server's close frame; undefined when the connection ended without one. */
  readonly closeCode: Promise<number | undefined>;
  write(bytes: Buffer): void;
  /** Again and again, as long as there is a connection. */
  flood(bytes: Buffer): void;
  /** A proper text message. */
  writeText(text: string): void;
  pause(): void;
  destroy(): void;
}

const pong = Buffer.from([0x8a, 0x80, 0, 0, 0, 0]);

export function rawSocket(
  origin: string,
  options: { readonly key: string; readonly answersPings?: boolean },
): Promise<RawSocket> {
  const { hostname, port, host } = new URL(origin);
  const socket = connect(Number(port), hostname);
  const lines = [
    "GET /v1/chat/ws HTTP/1.1",
    `host: ${host}`,
    "connection: Upgrade",
    "upgrade: websocket",
    "sec-websocket-version: 13",
    "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==",
    `authorization: Bearer ${options.key}`,
  ];
  socket.write(`${lines.join("\r\n")}\r\n\r\n`);
  let bytes = Buffer.alloc(0);
  let isOpen = false;
  let code: number | undefined;
  return new Promise((resolve, reject) => {
    const closeCode = new Promise<number | undefined>((done) => {
      socket.on("close", () => done(code));
    });
    socket.on("error", () => undefined);
    socket.on("close", () => reject(new Error(bytes.toString())));
    const flood = (given: Buffer): void => {
      while (!socket.destroyed) if (!socket.write(given)) break;
      socket.once("drain", () => flood(given));
    };
    const raw: RawSocket = {
      ...{ closeCode, flood },
      write: (given) => void socket.write(given),
      writeText: (text) => void socket.write(textFrame(text)),
      pause: () => void socket.pause(),
      destroy: () => void socket.destroy(),
    };
    socket.on("data", (chunk: Buffer) => {
      bytes = Buffer.concat([bytes, chunk]);
      if (!isOpen) {
        const at = bytes.indexOf("\r\n\r\n");
        if (at < 0) return;
        isOpen = true;
        bytes = bytes.subarray(at + 4);
        resolve(raw);
      }
      for (const { opcode, payload } of takeFrames()) {
        if (opcode === 8) code = payload.readUInt16BE(0);
        if (opcode === 9 && options.answersPings !== false) socket.write(pong);
      }
    });
  });

  function* takeFrames(): Generator<{ readonly opcode: number; readonly payload: Buffer }> {
    while (bytes.length >= 2) {
      const short = (bytes[1] ?? 0) & 0x7f;
      const head = short === 126 ? 4 : short === 127 ? 10 : 2;
      if (bytes.length < head) return;
      let length = short;
      if (head === 4) length = bytes.readUInt16BE(2);
      else if (head === 10) length = Number(bytes.readBigUInt64BE(2));
      const end = head + length;
      if (bytes.length < end) return;
      yield { opcode: (bytes[0] ?? 0) & 0x0f, payload: bytes.subarray(head, end) };
      bytes = bytes.subarray(end);
    }
  }
}

function textFrame(text: string): Buffer {
  const payload = Buffer.from(text);
  const head = Buffer.from([0x81, 0xfe, 0, 0, 0, 0, 0, 0]);
  head.writeUInt16BE(payload.length, 2);
  return Buffer.concat([head, payload]);
}

import { connect, type Socket } from "node:net";
import { counterPlaceholder, type RequestTemplate, type Target } from "./job.ts";
import { type ResponseListener, ResponseReader } from "./response-reader.ts";

export interface Connection {
  /** Sends one request; the answer before must have ended. */
  ask(): void;
  close(): void;
}

/** Read buffers are reused: nothing that the generator keeps points into them. */
const readBufferBytes = 64 * 1024;

/** A kept-alive connection to the thing measured. `onBroken` once, when it ends by itself. */
export function openConnection(
  target: Target,
  requests: RequestSource,
  listener: ResponseListener & { onBroken(problem: string): void },
): Connection {
  const reader = new ResponseReader(listener);
  let isClosed = false;
  const broken = (problem: string): void => {
    if (isClosed) return;
    isClosed = true;
    socket.destroy();
    listener.onBroken(problem);
  };
  const onread = {
    buffer: Buffer.allocUnsafe(readBufferBytes),
    callback: (length: number, buffer: Uint8Array): boolean => {
      try {
        reader.push(Buffer.from(buffer.buffer, buffer.byteOffset, length));
      } catch (error) {
        broken(String(error));
      }
      return true;
    },
  };
  const socket: Socket = connect({
    ...(target.unixPath ? { path: target.unixPath } : { port: target.port, host: "127.0.0.1" }),
    noDelay: true,
    onread,
  });
  socket.on("error", (error) => broken(error.message));
  socket.on("close", () => broken("closed"));
  return {
    ask: () => void socket.write(requests.next()),
    close: () => {
      isClosed = true;
      socket.destroy();
    },
  };
}

export interface RequestSource {
  readonly template: RequestTemplate;
  /** The bytes of the next request, its number filled in. */
  next(): Buffer;
  /** Its body alone. */
  nextBody(): Buffer;
}

/** In a field and in the body: a new name for an old question would be answered by a cache. */
function positionsIn(bytes: Buffer): readonly number[] {
  const positions: number[] = [];
  let position = bytes.indexOf(counterPlaceholder);
  while (position >= 0) {
    positions.push(position);
    position = bytes.indexOf(counterPlaceholder, position + counterPlaceholder.length);
  }
  return positions;
}

/** Lays a request out once; each use is a copy with another number. */
export function requestSource(template: RequestTemplate, nextNumber: () => number): RequestSource {
  const given = { "content-type": "application/json", ...template.headers };
  const fields = Object.entries(given).map(([name, value]) => `${name}: ${value}\r\n`);
  const body = Buffer.from(template.body, template.bodyEncoding);
  const head =
    `POST ${template.path} HTTP/1.1\r\nhost: 127.0.0.1\r\n` +
    `${fields.join("")}content-length: ${body.length}\r\n\r\n`;
  const numbered = (bytes: Buffer): (() => Buffer) => {
    const positions = positionsIn(bytes);
    return () => {
      if (positions.length === 0) return bytes;
      const copy = Buffer.from(bytes);
      const digits = String(nextNumber()).padStart(counterPlaceholder.length, "0");
      for (const position of positions) copy.write(digits, position, "latin1");
      return copy;
    };
  };
  return {
    template,
    next: numbered(Buffer.concat([Buffer.from(head), body])),
    nextBody: numbered(body),
  };
}

import { connect, type Socket } from "node:net";

/** What came back on a connection whose bytes were written by hand. */
export interface RawAnswer {
  /** 0 when no status line came. */
  readonly status: number;
  /** Names in lower case; the last of several wins. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  /** After the head, chunk framing included. */
  readonly body: string;
  /** The server ended the connection. */
  readonly isClosed: boolean;
  readonly tookMs: number;
}

export interface RawRequest {
  readonly port: number;
  /** Bytes written at once. */
  readonly bytes: Buffer | string;
  /** Goes on writing until the answer is there or the connection ends; called when there is room. */
  readonly more?: () => Buffer | undefined;
  /** Pause before each piece that `more` gives; 0. */
  readonly moreEveryMs?: number;
  /** Gives up waiting then, and tells what came until then; 10,000. */
  readonly patienceMs?: number;
}

/**
 * Speaks HTTP/1.1 by hand, so that requests can be wrong in ways that no client library allows.
 * Resolves when a whole response with a declared length is there, when the server closes, or when
 * patience ends.
 */
export function rawRequest(given: RawRequest): Promise<RawAnswer> {
  const startMs = performance.now();
  return new Promise((resolve) => {
    let received = "";
    let isOver = false;
    const socket = connect({ port: given.port, host: "127.0.0.1", noDelay: true });
    const finish = (isClosed: boolean): void => {
      if (isOver) return;
      isOver = true;
      clearTimeout(patience);
      socket.destroy();
      resolve({ ...parsed(received), isClosed, tookMs: performance.now() - startMs });
    };
    const patience = setTimeout(() => finish(false), given.patienceMs ?? 10_000);
    socket.on("data", (chunk) => {
      received += chunk.toString("latin1");
      if (isWhole(received)) finish(false);
    });
    // A reset after the answer is how a server ends a connection whose body it will not read.
    socket.on("error", () => finish(true));
    socket.on("close", () => finish(true));
    socket.write(given.bytes);
    keepWriting(socket, given, () => isOver || received !== "");
  });
}

function keepWriting(socket: Socket, { more, moreEveryMs = 0 }: RawRequest, isDone: () => boolean) {
  if (!more) return;
  const next = (): void => {
    const piece = isDone() || socket.destroyed ? undefined : more();
    if (piece === undefined) return;
    if (!socket.write(piece)) socket.once("drain", next);
    else setTimeout(next, moreEveryMs);
  };
  setTimeout(next, moreEveryMs);
}

function isWhole(text: string): boolean {
  const headEnd = text.indexOf("\r\n\r\n");
  if (headEnd < 0) return false;
  const { headers, body } = parsed(text);
  const length = headers["content-length"];
  if (length !== undefined) return body.length >= Number(length);
  return body.endsWith("0\r\n\r\n");
}

function parsed(text: string): Pick<RawAnswer, "status" | "headers" | "body"> {
  const headEnd = text.indexOf("\r\n\r\n");
  const [statusLine = "", ...lines] = text.slice(0, Math.max(0, headEnd)).split("\r\n");
  const headers = Object.fromEntries(
    lines.map((line) => {
      const colon = line.indexOf(":");
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
    }),
  );
  const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(statusLine)?.[1] ?? 0);
  return { status, headers, body: headEnd < 0 ? "" : text.slice(headEnd + 4) };
}

/** A chat request with its framing right, for bodies that are wrong; `fields` replace headers. */
export function chatRequest(
  body: string | Buffer,
  fields: Readonly<Record<string, string>> = {},
): Buffer {
  const bytes = Buffer.from(body);
  const headers = {
    ...{ host: "127.0.0.1", "content-type": "application/json" },
    ...{ "content-length": String(bytes.length) },
    ...fields,
  };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  return Buffer.concat([
    Buffer.from(`POST /v1/chat/completions HTTP/1.1\r\n${lines.join("")}\r\n`),
    bytes,
  ]);
}

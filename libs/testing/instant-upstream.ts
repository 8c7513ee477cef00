import { createServer, type Server, type Socket } from "node:net";

export interface InstantUpstreamOptions {
  /** A port of 127.0.0.1, 0 for a free one, or the path of a Unix socket. */
  readonly listen: number | string;
  /** Size of the body of a whole answer; 1,024. */
  readonly answerBytes?: number;
  /** Size of one event of a stream, blank line included; 200. */
  readonly eventBytes?: number;
  /** Time between the events of a stream; 10 ms. */
  readonly eventEveryMs?: number;
  /** Events of a stream before its end; 1,000. */
  readonly events?: number;
}

export interface InstantUpstream {
  readonly port: number;
  readonly requests: number;
  close(): Promise<void>;
}

/** The model whose streams say one word and then keep still. */
export const idleModel = "mock-idle";

const headEnd = Buffer.from("\r\n\r\n");
const usage =
  '"usage":{"prompt_tokens":300,"completion_tokens":200,"total_tokens":500,' +
  '"prompt_tokens_details":{"cached_tokens":0}}';

/**
 * The leanest upstream that can be made here: raw sockets, answers that are laid out beforehand,
 * one timer for all streams. It understands the common shape of a request only, and exists so that
 * in a bench the time of the thing measured is not the time of its upstream.
 */
export async function instantUpstream(options: InstantUpstreamOptions): Promise<InstantUpstream> {
  const { eventEveryMs = 10, events = 1_000 } = options;
  const answers = prepareAnswers(options);
  const streams = new Map<Socket, number>();
  const sockets = new Set<Socket>();
  let requests = 0;
  const tick = setInterval(() => {
    for (const [socket, left] of streams) {
      if (left > 0) {
        socket.write(answers.event);
        streams.set(socket, left - 1);
      } else {
        socket.write(answers.lastEvents);
        streams.delete(socket);
      }
    }
  }, eventEveryMs);
  const server = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined);
    socket.on("close", () => {
      sockets.delete(socket);
      streams.delete(socket);
    });
    readRequests(socket, (request) => {
      requests += 1;
      if (request.subarray(0, 4).toString("latin1") === "GET ") socket.write(answers.models);
      else if (!request.includes('"stream":true')) socket.write(answers.whole);
      else {
        const isIdle = request.includes(`"${idleModel}"`);
        socket.write(isIdle ? answers.idleStart : answers.streamStart);
        if (!isIdle) streams.set(socket, events);
      }
    });
  });
  await new Promise<void>((resolve) => {
    if (typeof options.listen === "string") server.listen(options.listen, resolve);
    else server.listen(options.listen, "127.0.0.1", resolve);
  });
  return {
    port: portOf(server),
    get requests() {
      return requests;
    },
    close: () => {
      clearInterval(tick);
      for (const socket of sockets) socket.destroy();
      return new Promise((resolve) => {
        server.close(() => resolve());
      });
    },
  };
}

function portOf(server: Server): number {
  const address = server.address();
  return typeof address === "object" && address !== null ? address.port : 0;
}

/** Hands over each request, head and body, once it is whole. */
function readRequests(socket: Socket, onRequest: (request: Buffer) => void): void {
  let pending: Buffer = Buffer.alloc(0);
  socket.on("data", (chunk) => {
    pending = pending.length === 0 ? chunk : Buffer.concat([pending, chunk]);
    for (;;) {
      const bodyStart = pending.indexOf(headEnd) + headEnd.length;
      if (bodyStart < headEnd.length) return;
      const end = bodyStart + contentLength(pending.toString("latin1", 0, bodyStart));
      if (pending.length < end) return;
      onRequest(pending.subarray(0, end));
      pending = pending.subarray(end);
    }
  });
}

function contentLength(head: string): number {
  return Number(/\r\ncontent-length: *(\d+)/i.exec(head)?.[1] ?? 0);
}

interface PreparedAnswers {
  readonly models: Buffer;
  readonly whole: Buffer;
  readonly streamStart: Buffer;
  readonly idleStart: Buffer;
  readonly event: Buffer;
  readonly lastEvents: Buffer;
}

function prepareAnswers(options: InstantUpstreamOptions): PreparedAnswers {
  const { answerBytes = 1_024, eventBytes = 200 } = options;
  const models = ["mock-1", idleModel].map((id) => ({
    ...{ id, object: "model", created: 1_790_000_000, owned_by: "vllm" },
    max_model_len: 131_072,
  }));
  const chunkHead =
    '{"id":"mock","object":"chat.completion.chunk","created":1790000000,"model":"mock-1",';
  const event = (rest: string): string => `data: ${chunkHead}${rest}}\n\n`;
  const delta = (content: string): string =>
    event(`"choices":[{"index":0,"delta":{"content":"${content}"},"finish_reason":null}]`);
  const role = event(
    '"choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]',
  );
  const finish = event('"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]');
  const usageEvent = event(`"choices":[],${usage}`);
  const padding = Math.max(0, eventBytes - delta("").length);
  const start =
    "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n" +
    chunked(role);
  return {
    models: wholeResponse(JSON.stringify({ object: "list", data: models })),
    whole: wholeResponse(wholeAnswer(answerBytes)),
    streamStart: Buffer.from(start),
    idleStart: Buffer.from(start + chunked(delta("x"))),
    event: Buffer.from(chunked(delta("x".repeat(padding)))),
    lastEvents: Buffer.from(
      `${chunked(finish) + chunked(usageEvent) + chunked("data: [DONE]\n\n")}0\r\n\r\n`,
    ),
  };
}

function wholeAnswer(bytes: number): string {
  const body = (content: string): string =>
    '{"id":"mock","object":"chat.completion","created":1790000000,"model":"mock-1","choices":' +
    `[{"index":0,"message":{"role":"assistant","content":"${content}"},"finish_reason":"stop"}],` +
    `${usage}}`;
  return body("x".repeat(Math.max(0, bytes - body("").length)));
}

function wholeResponse(body: string): Buffer {
  return Buffer.from(
    `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n` +
      body,
  );
}

function chunked(text: string): string {
  return `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`;
}

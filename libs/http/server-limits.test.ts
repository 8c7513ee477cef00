import assert from "node:assert/strict";
import { test } from "node:test";
import { createClientPool } from "./client-pool.ts";
import type { Exchange } from "./contract.ts";
import { createHttpServer } from "./server.ts";
import {
  callOnce,
  converse,
  eventually,
  log,
  open,
  serve,
  settled,
  world,
} from "./testing/wire.ts";

const get = "GET / HTTP/1.1\r\nhost: a\r\n\r\n";
const closing = "GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";

function echo(exchange: Exchange): void {
  exchange.readBody(1_048_576).then(
    (body) => exchange.respond(200, [], body),
    (fault: { httpStatus: number }) => exchange.respond(fault.httpStatus, [], ""),
  );
}

test("limits are answered with their status, and the connection closes", async (context) => {
  const { address } = await serve(context, echo);
  const cases = [
    [431, `GET / HTTP/1.1\r\nhost: a\r\nx: ${"a".repeat(17_408)}\r\n\r\n`],
    [431, `GET / HTTP/1.1\r\nhost: a\r\n${"x: 1\r\n".repeat(200)}\r\n`],
    [414, `GET /${"a".repeat(16_384)} HTTP/1.1\r\nhost: a\r\n\r\n`],
    [413, "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1048577\r\n\r\n"],
    [400, "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\ncontent-length: 1\r\n\r\n"],
    [505, "GET / HTTP/1.0\r\nhost: a\r\n\r\n"],
  ] as const;
  for (const [status, text] of cases) {
    const answer = await converse(address, text);
    assert.ok(answer.startsWith(`HTTP/1.1 ${status} `), `${status}: ${answer.slice(0, 80)}`);
    assert.match(answer, /connection: close\r\n/);
  }
});

test("nothing behind a refused message is taken for a request", async (context) => {
  const seen: string[] = [];
  const { address } = await serve(context, (exchange) => {
    seen.push(exchange.head.target);
    exchange.respond(200, [], "");
  });
  const smuggled = "GET /smuggled HTTP/1.1\r\nhost: a\r\n\r\n";
  const both = "content-length: 4\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n";
  await converse(address, `POST / HTTP/1.1\r\nhost: a\r\n${both}${smuggled}`);
  await converse(
    address,
    `POST /first HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\nXX\r\n${smuggled}`,
  );
  assert.deepEqual(seen, []);
});

test("an endless chunked body ends with 413 in constant memory", async (context) => {
  const { address } = await serve(context, echo);
  const socket = open(address);
  context.after(() => socket.destroy());
  let answer = "";
  socket.on("data", (chunk: Buffer) => {
    answer += chunk.toString();
  });
  socket.on("error", () => undefined);
  socket.write("POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n");
  const chunk = Buffer.from(`4000\r\n${"x".repeat(0x4000)}\r\n`);
  const pump = (): void => {
    while (!socket.destroyed && answer === "" && socket.write(chunk));
  };
  socket.on("drain", pump);
  pump();
  await eventually("the answer", () => answer.startsWith("HTTP/1.1 413 "));
  await eventually("the end", () => socket.destroyed || socket.readableEnded);
});

test("slow heads and slow bodies are cut off, and nobody else waits for them", async (context) => {
  const server = await serve(context, echo, {
    headTimeoutMs: 400,
    bodyIdleTimeoutMs: 400,
    bodyRateGraceMs: 200,
    idleTimeoutMs: 400,
  });
  const slow = [
    converse(server.address, "GET / HT"),
    converse(server.address, "GET / HTTP/1.1\r\nhost: a\r\nx: "),
    converse(server.address, "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\nabc"),
  ];
  const idle = converse(server.address, "");
  const pool = createClientPool({ address: server.address, world });
  context.after(() => pool.close());
  for (let call = 0; call < 50; call += 1) {
    const startedAt = performance.now();
    assert.equal((await callOnce(pool, {})).status, 200);
    assert.ok(performance.now() - startedAt < 250);
  }
  for (const answer of await Promise.all(slow)) assert.match(answer, /^HTTP\/1\.1 408 /);
  assert.equal(await idle, "", "a connection that never asked gets no answer");
});

test("a body that trickles below the pace is refused, one above it is not", async (context) => {
  const server = await serve(context, echo, { bodyRateGraceMs: 300, bodyRateMin: 1_000 });
  const trickle = async (everyMs: number, piece: string, pieces: number): Promise<string> => {
    const socket = open(server.address);
    let answer = "";
    socket.on("error", () => undefined);
    socket.on("data", (chunk: Buffer) => {
      answer += chunk.toString();
    });
    const length = piece.length * pieces;
    socket.write(`POST / HTTP/1.1\r\nhost: a\r\ncontent-length: ${length}\r\n\r\n`);
    for (let sent = 0; sent < pieces && answer === ""; sent += 1) {
      await new Promise((resolve) => setTimeout(resolve, everyMs));
      socket.write(piece);
    }
    await eventually("an answer", () => answer !== "");
    socket.destroy();
    return answer;
  };
  const [slow, steady] = await Promise.all([
    trickle(50, "x", 100),
    trickle(20, "x".repeat(200), 60),
  ]);
  assert.match(slow, /^HTTP\/1\.1 408 /);
  assert.match(steady, /^HTTP\/1\.1 200 /);
});

test("a client that sends ahead without reading is held back", async (context) => {
  let answered = 0;
  const body = Buffer.alloc(8_192, "x");
  const answer = (exchange: Exchange): void => {
    answered += 1;
    exchange.respond(200, [], body);
  };
  const { address } = await serve(context, answer, { requestsPerConnection: 1_000_000 });
  const socket = open(address);
  context.after(() => socket.destroy());
  socket.pause();
  socket.write(get.repeat(20_000));
  await settled("the number of answers", () => answered);
  assert.ok(answered < 200, `${answered} answers of 8 KiB for somebody who reads none`);
});

test("the last request a connection may make says so", async (context) => {
  const { address } = await serve(context, echo, { requestsPerConnection: 3 });
  const answer = await converse(address, get.repeat(5));
  assert.equal(answer.match(/HTTP\/1\.1 200/g)?.length, 3);
  assert.equal(answer.match(/connection: close/g)?.length, 1);
});

test("one address cannot take all connections", async (context) => {
  const server = createHttpServer({
    onExchange: echo,
    world,
    log,
    limits: { connectionsPerAddress: 4 },
  });
  await server.listen("tcp:127.0.0.1:0");
  context.after(() => server.close({ deadlineMs: 0 }));
  const held = [1, 2, 3, 4].map(() => open(server.address));
  context.after(() => {
    for (const socket of held) socket.destroy();
  });
  await eventually("four are open", () => server.connections === 4);
  assert.match(await converse(server.address, get), /^HTTP\/1\.1 503 .*retry|^HTTP\/1\.1 503 /s);
  held[0]?.destroy();
  await eventually("one has gone", () => server.connections === 3);
  assert.match(await converse(server.address, closing), /^HTTP\/1\.1 200 /);
});

test("a thousand slow heads do not disturb a fast client", async (context) => {
  const server = await serve(context, echo);
  const slow = Array.from({ length: 1_000 }, () => open(server.address));
  context.after(() => {
    for (const socket of slow) socket.destroy();
  });
  for (const socket of slow) socket.write("GET / HTTP/1.1\r\nhost: a\r\nx: ");
  await eventually("all are open", () => server.connections === 1_000);
  const pool = createClientPool({ address: server.address, world });
  context.after(() => pool.close());
  const drip = setInterval(() => {
    for (const socket of slow) socket.write("a");
  }, 50);
  context.after(() => clearInterval(drip));
  const times: number[] = [];
  for (let call = 0; call < 300; call += 1) {
    const startedAt = performance.now();
    await callOnce(pool, {});
    times.push(performance.now() - startedAt);
  }
  times.sort((left, right) => left - right);
  assert.ok((times[150] ?? 0) < 20, `median ${times[150]} ms`);
});

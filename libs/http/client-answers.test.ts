import assert from "node:assert/strict";
import type { Socket } from "node:net";
import { test } from "node:test";
import { bareServer, callOnce, eventually, failureOf, openPool } from "./testing/wire.ts";

const answers: readonly (readonly [text: string, status: number, body: string])[] = [
  ["HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nabc", 200, "abc"],
  ["HTTP/1.1 200\r\ncontent-length: 0\r\n\r\n", 200, ""],
  ["HTTP/1.1 200 \r\nContent-Length:3\r\nX:\t y \r\n\r\nabc", 200, "abc"],
  [
    "HTTP/1.1 200 Fine by me\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;a=b\r\nde\r\n0\r\nx: y\r\n\r\n",
    200,
    "abcde",
  ],
  [
    "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\nlink: x\r\n\r\nHTTP/1.1 204 No\r\n\r\n",
    204,
    "",
  ],
  ["HTTP/1.1 304 Same\r\ncontent-length: 10\r\n\r\n", 304, ""],
];

test("an answer is the same however it is torn apart", async (context) => {
  let plan: readonly string[] = [];
  const address = await bareServer(context, (socket) => {
    const [first = "", ...rest] = plan;
    socket.write(Buffer.from(first, "latin1"));
    const next = (): void => {
      const piece = rest.shift();
      if (piece === undefined) return;
      socket.write(Buffer.from(piece, "latin1"));
      setImmediate(next);
    };
    setImmediate(next);
  });
  const pool = openPool(context, address);
  for (const [text, status, body] of answers) {
    for (let at = 1; at <= text.length; at += 1) {
      plan = [text.slice(0, at), text.slice(at)].filter((piece) => piece !== "");
      const answer = await callOnce(pool, {});
      assert.equal(answer.status, status);
      assert.equal(answer.body, body, `torn at ${at}`);
    }
    plan = [...text];
    assert.equal((await callOnce(pool, {})).body, body);
  }
  assert.equal(pool.openConnections, 1, "all over one connection");
});

const broken: readonly (readonly [what: string, text: string])[] = [
  ["no HTTP", "SSH-2.0-OpenSSH\r\n\r\n"],
  ["HTTP/2.0", "HTTP/2.0 200 OK\r\n\r\n"],
  ["a status of two digits", "HTTP/1.1 20 OK\r\n\r\n"],
  ["a status below 100", "HTTP/1.1 099 OK\r\n\r\n"],
  ["both lengths", "HTTP/1.1 200 OK\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\nabc"],
  ["two lengths", "HTTP/1.1 200 OK\r\ncontent-length: 3\r\ncontent-length: 3\r\n\r\nabc"],
  ["a negative length", "HTTP/1.1 200 OK\r\ncontent-length: -3\r\n\r\n"],
  ["an unknown coding", "HTTP/1.1 200 OK\r\ntransfer-encoding: gzip\r\n\r\n"],
  ["a bare LF", "HTTP/1.1 200 OK\ncontent-length: 3\r\n\r\nabc"],
  ["a bad chunk", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nxyz\r\n"],
  ["a switch of protocols", "HTTP/1.1 101 Switching\r\nupgrade: x\r\n\r\n"],
  ["chunks in HTTP/1.0", "HTTP/1.0 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n"],
  ["an endless head", `HTTP/1.1 200 OK\r\nx: ${"a".repeat(70_000)}`],
];

test("an answer that is no valid HTTP fails the attempt, and its connection goes", async (context) => {
  let text = "";
  const address = await bareServer(context, (socket) => socket.write(text));
  const pool = openPool(context, address);
  for (const [what, bytes] of broken) {
    text = bytes;
    const failure = await failureOf(callOnce(pool, {}));
    assert.equal(failure.reason, "http.bad_response", what);
    assert.equal(failure.requestStarted, true);
  }
});

test("an answer that breaks off at any byte fails, and never ends", async (context) => {
  let text = "";
  const address = await bareServer(context, (socket) => socket.end(Buffer.from(text, "latin1")));
  const pool = openPool(context, address);
  for (const [whole, , body] of answers.slice(0, 4)) {
    for (let at = 0; at < whole.length; at += 1) {
      text = whole.slice(0, at);
      const failure = await failureOf(callOnce(pool, {}));
      assert.equal(failure.reason, "http.connection_lost", `${body} cut at ${at}`);
      assert.equal(failure.headReceived, text.includes("\r\n\r\n"));
    }
  }
});

test("a body without a length ends with its connection", async (context) => {
  const address = await bareServer(context, (socket) => {
    socket.write("HTTP/1.0 200 OK\r\n\r\nall ");
    setImmediate(() => socket.end("of it"));
  });
  const pool = openPool(context, address);
  assert.equal((await callOnce(pool, {})).body, "all of it");
  await eventually("the connection is gone", () => pool.openConnections === 0);
});

test("bytes behind an answer are never taken for the next one", async (context) => {
  const address = await bareServer(context, (socket) => {
    const answer = "HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\n";
    socket.write(`${answer}good${answer}evil`);
  });
  const pool = openPool(context, address);
  for (let call = 0; call < 5; call += 1) {
    assert.equal((await callOnce(pool, {})).body, "good");
  }
});

test("a word out of turn on an idle connection ends it", async (context) => {
  const sockets: Socket[] = [];
  const address = await bareServer(context, (socket) => {
    sockets.push(socket);
    socket.write("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
  });
  const pool = openPool(context, address);
  await callOnce(pool, {});
  sockets[0]?.write("HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil");
  await eventually("the connection is gone", () => pool.openConnections === 0);
  assert.equal((await callOnce(pool, {})).body, "ok");
});

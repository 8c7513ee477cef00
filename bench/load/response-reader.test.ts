import assert from "node:assert/strict";
import { test } from "node:test";
import { ResponseReader } from "./response-reader.ts";

const wire =
  "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello" +
  "HTTP/1.1 204 No Content\r\ncontent-length: 0\r\n\r\n" +
  "HTTP/1.1 429 Slow\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\nA\r\n0123456789\r\n0\r\n\r\n" +
  "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nz\r\n0\r\n\r\n";

function read(pieces: readonly Buffer[]): string[] {
  const seen: string[] = [];
  let body = "";
  let status = 0;
  const reader = new ResponseReader({
    onHead: (given) => {
      status = given;
    },
    onBody: (bytes) => {
      body += bytes.toString();
    },
    onEnd: () => {
      seen.push(`${status} ${body}`);
      body = "";
    },
  });
  for (const piece of pieces) reader.push(piece);
  return seen;
}

const expected = ["200 hello", "204 ", "429 abc0123456789", "200 z"];

test("responses of every framing are told apart on one connection", () => {
  assert.deepEqual(read([Buffer.from(wire)]), expected);
});

test("it makes no difference where the bytes are cut", () => {
  const bytes = Buffer.from(wire);
  for (let cut = 1; cut < bytes.length; cut += 1) {
    assert.deepEqual(read([bytes.subarray(0, cut), bytes.subarray(cut)]), expected, `at ${cut}`);
  }
  assert.deepEqual(read(Array.from(bytes, (byte) => Buffer.from([byte]))), expected);
});

import assert from "node:assert/strict";
import { createServer } from "node:http";
import { duplexPair } from "node:stream";
import { test } from "node:test";
import fc from "fast-check";
import { BodyReader } from "./body-reader.ts";
import { HeadScanner, isRefused, needsMore } from "./head-scanner.ts";
import { ScannedRequestHead } from "./heads.ts";
import { serverLimitsDefault } from "./limits.ts";

interface ReadRequest {
  readonly method: string;
  readonly target: string;
  readonly body: string;
}

interface Reading {
  readonly requests: readonly ReadRequest[];
  /** Why the strict reader stopped; undefined when it only wants more. */
  readonly refusal: string | undefined;
}

/** Reads what the strict server would read of these pieces. */
function readStrictly(pieces: readonly Buffer[]): Reading {
  const scanner = new HeadScanner("request", serverLimitsDefault);
  const body = new BodyReader();
  const requests: ReadRequest[] = [];
  let rest = Buffer.alloc(0);
  let head: ScannedRequestHead | undefined;
  let chunks: Buffer[] = [];
  let isLast = false;
  for (const piece of pieces) {
    rest = Buffer.concat([rest, piece]);
    let at = 0;
    for (;;) {
      if (head === undefined) {
        const next = scanner.scan(rest, at, rest.length);
        if (next === needsMore) break;
        if (next === isRefused) return { requests, refusal: scanner.refusal };
        head = new ScannedRequestHead(rest.toString("latin1", at, next), scanner);
        isLast = scanner.facts.closes;
        if (scanner.facts.isChunked) body.startChunked();
        else body.startLength(Math.max(0, scanner.facts.contentLength));
        scanner.reset();
        at = next;
        chunks = [];
      }
      const sink = (from: Buffer, start: number, end: number): void => {
        chunks.push(Buffer.from(from.subarray(start, end)));
      };
      at = body.read(rest, at, sink);
      if (body.isRefused) return { requests, refusal: "bad_chunk" };
      if (!body.isDone) break;
      const text = Buffer.concat(chunks).toString("latin1");
      requests.push({ method: head.method, target: head.target, body: text });
      head = undefined;
      if (isLast) return { requests, refusal: undefined };
    }
    rest = rest.subarray(at);
  }
  return { requests, refusal: undefined };
}

/** Reads the same bytes with Node's own parser. */
async function readWithNode(bytes: Buffer): Promise<readonly ReadRequest[]> {
  const requests: ReadRequest[] = [];
  const server = createServer({ maxHeaderSize: 16_384 }, (request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("error", () => undefined);
    request.on("end", () => {
      requests.push({
        method: request.method ?? "",
        target: request.url ?? "",
        body: Buffer.concat(chunks).toString("latin1"),
      });
      response.end();
    });
  });
  // What came before a broken request still counts: nothing is destroyed here.
  server.on("clientError", () => undefined);
  const [near, far] = duplexPair();
  near.on("error", () => undefined);
  far.on("error", () => undefined);
  server.emit("connection", near);
  far.resume();
  far.write(bytes);
  // Everything happens in memory: some turns of the event loop are enough for any answer.
  for (let turn = 0; turn < 12; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  far.destroy();
  near.destroy();
  return requests;
}

const get = "GET / HTTP/1.1\r\nhost: a\r\n";
const post = "POST / HTTP/1.1\r\nhost: a\r\n";
const chunked = `${post}transfer-encoding: chunked\r\n\r\n`;

/** What has to be refused, and how. */
const refused: readonly (readonly [what: string, bytes: string, refusal: string])[] = [
  ["a tab before the coding", `${post}transfer-encoding:\tchunked\r\n\r\n`, "bad_framing"],
  ["a tab behind the coding", `${post}transfer-encoding: chunked\t\r\n\r\n`, "bad_framing"],
  ["a blank behind the length", `${post}content-length: 3 \r\n\r\nabc`, "bad_framing"],
  ["two blanks before the length", `${post}content-length:  3\r\n\r\nabc`, "bad_framing"],
  ["both lengths", `${post}content-length: 3\r\ntransfer-encoding: chunked\r\n\r\n`, "bad_framing"],
  [
    "both, the other way",
    `${post}transfer-encoding: chunked\r\ncontent-length: 3\r\n\r\n`,
    "bad_framing",
  ],
  ["two lengths", `${post}content-length: 3\r\ncontent-length: 4\r\n\r\nabc`, "bad_framing"],
  ["two equal lengths", `${post}content-length: 3\r\ncontent-length: 3\r\n\r\nabc`, "bad_framing"],
  ["a list of lengths", `${post}content-length: 3, 3\r\n\r\nabc`, "bad_framing"],
  ["a signed length", `${post}content-length: +3\r\n\r\nabc`, "bad_framing"],
  ["a negative length", `${post}content-length: -3\r\n\r\nabc`, "bad_framing"],
  ["a hexadecimal length", `${post}content-length: 0x3\r\n\r\nabc`, "bad_framing"],
  ["a grouped length", `${post}content-length: 1_0\r\n\r\n`, "bad_framing"],
  ["a fraction as length", `${post}content-length: 3.0\r\n\r\nabc`, "bad_framing"],
  ["an empty length", `${post}content-length:\r\n\r\n`, "bad_framing"],
  ["a length with a blank inside", `${post}content-length: 1 0\r\n\r\n`, "bad_framing"],
  ["an enormous length", `${post}content-length: ${"9".repeat(20)}\r\n\r\n`, "bad_framing"],
  [
    "two codings",
    `${post}transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n\r\n`,
    "bad_framing",
  ],
  ["a list of codings", `${post}transfer-encoding: gzip, chunked\r\n\r\n`, "unsupported_coding"],
  ["chunked twice", `${post}transfer-encoding: chunked, chunked\r\n\r\n`, "unsupported_coding"],
  ["identity", `${post}transfer-encoding: identity\r\n\r\n`, "unsupported_coding"],
  ["xchunked", `${post}transfer-encoding: xchunked\r\n\r\n`, "unsupported_coding"],
  ["a quoted coding", `${post}transfer-encoding: "chunked"\r\n\r\n`, "unsupported_coding"],
  [
    "a coding with a parameter",
    `${post}transfer-encoding: chunked;q=1\r\n\r\n`,
    "unsupported_coding",
  ],
  [
    "a vertical tab before the coding",
    `${post}transfer-encoding: \x0bchunked\r\n\r\n`,
    "bad_field",
  ],
  ["a blank before the colon", `${post}transfer-encoding : chunked\r\n\r\n`, "bad_field"],
  ["a tab before the colon", `${post}content-length\t: 3\r\n\r\n`, "bad_field"],
  ["a folded field", `${post}x: 1\r\n transfer-encoding: chunked\r\n\r\n`, "bad_field"],
  ["a field folded with a tab", `${post}x: 1\r\n\t2\r\n\r\n`, "bad_field"],
  ["a blank first field line", `GET / HTTP/1.1\r\n x: 1\r\nhost: a\r\n\r\n`, "bad_field"],
  ["a bare LF after a field", `${get}x: 1\n\r\n`, "bad_field"],
  ["a bare LF after the first line", "GET / HTTP/1.1\nhost: a\r\n\r\n", "bad_request_line"],
  ["bare LFs only", "GET / HTTP/1.1\nhost: a\n\n", "bad_request_line"],
  ["a bare CR in a value", `${get}x: 1\r2\r\n\r\n`, "bad_field"],
  ["a NUL in a value", `${get}x: 1\x002\r\n\r\n`, "bad_field"],
  ["a NUL in a name", `${get}x\x00: 1\r\n\r\n`, "bad_field"],
  ["a control in a value", `${get}x: \x01\r\n\r\n`, "bad_field"],
  ["DEL in a value", `${get}x: \x7f\r\n\r\n`, "bad_field"],
  ["a field without a colon", `${get}nonsense\r\n\r\n`, "bad_field"],
  ["an empty name", `${get}: 1\r\n\r\n`, "bad_field"],
  ["a byte above ASCII in a name", `${get}tr\xe4nsfer: 1\r\n\r\n`, "bad_field"],
  ["a CR without LF at the end", `${get}\rX`, "bad_field"],
  ["no host", "GET / HTTP/1.1\r\n\r\n", "bad_host"],
  ["two hosts", `${get}host: b\r\n\r\n`, "bad_host"],
  ["two equal hosts", `${get}host: a\r\n\r\n`, "bad_host"],
  ["a host with a blank", "GET / HTTP/1.1\r\nhost: a b\r\n\r\n", "bad_host"],
  ["a host with a path", "GET / HTTP/1.1\r\nhost: a/b\r\n\r\n", "bad_host"],
  ["a host with credentials", "GET / HTTP/1.1\r\nhost: u@a\r\n\r\n", "bad_host"],
  ["a target in absolute form", "GET http://a/ HTTP/1.1\r\nhost: a\r\n\r\n", "bad_target"],
  ["an absolute target for elsewhere", "GET http://b/ HTTP/1.1\r\nhost: a\r\n\r\n", "bad_target"],
  ["CONNECT", "CONNECT a:443 HTTP/1.1\r\nhost: a\r\n\r\n", "unsupported_method"],
  ["a star for another method", "GET * HTTP/1.1\r\nhost: a\r\n\r\n", "bad_target"],
  ["a fragment", "GET /#x HTTP/1.1\r\nhost: a\r\n\r\n", "bad_target"],
  ["two blanks in the first line", "GET  / HTTP/1.1\r\nhost: a\r\n\r\n", "bad_target"],
  ["a tab in the first line", "GET\t/ HTTP/1.1\r\nhost: a\r\n\r\n", "bad_request_line"],
  ["a blank behind the version", "GET / HTTP/1.1 \r\nhost: a\r\n\r\n", "bad_request_line"],
  ["an empty line first", `\r\n${get}\r\n`, "bad_request_line"],
  ["TRACE", "TRACE / HTTP/1.1\r\nhost: a\r\n\r\n", "unsupported_method"],
  ["an unknown method", "FETCH / HTTP/1.1\r\nhost: a\r\n\r\n", "unsupported_method"],
  ["a method in lower case", "get / HTTP/1.1\r\nhost: a\r\n\r\n", "unsupported_method"],
  ["HTTP/1.0", "GET / HTTP/1.0\r\nhost: a\r\n\r\n", "unsupported_version"],
  ["HTTP/0.9", "GET /\r\n", "bad_target"],
  ["HTTP/2.0 in HTTP/1", "GET / HTTP/2.0\r\nhost: a\r\n\r\n", "unsupported_version"],
  ["HTTP/1.10", "GET / HTTP/1.10\r\nhost: a\r\n\r\n", "bad_request_line"],
  ["http in lower case", "GET / http/1.1\r\nhost: a\r\n\r\n", "bad_request_line"],
  ["TLS where HTTP is spoken", "\x16\x03\x01\x02\x00\x01\x00", "bad_request_line"],
  ["an unknown expectation", `${post}expect: miracles\r\n\r\n`, "expectation_failed"],
  ["a head too large", `${get}x: ${"a".repeat(16_400)}\r\n\r\n`, "head_too_large"],
  ["too many fields", `${get}${"x: 1\r\n".repeat(70)}\r\n`, "head_too_large"],
  ["a target too long", `GET /${"a".repeat(8_200)} HTTP/1.1\r\nhost: a\r\n\r\n`, "target_too_long"],
  ["a chunk size with 0x", `${chunked}0x3\r\nabc\r\n0\r\n\r\n`, "bad_chunk"],
  ["a signed chunk size", `${chunked}+3\r\nabc\r\n0\r\n\r\n`, "bad_chunk"],
  ["a negative chunk size", `${chunked}-3\r\nabc\r\n0\r\n\r\n`, "bad_chunk"],
  ["a blank before a chunk size", `${chunked} 3\r\nabc\r\n0\r\n\r\n`, "bad_chunk"],
  ["a blank behind a chunk size", `${chunked}3 \r\nabc\r\n0\r\n\r\n`, "bad_chunk"],
  ["no chunk size", `${chunked}\r\nabc\r\n0\r\n\r\n`, "bad_chunk"],
  ["a chunk size that overflows", `${chunked}100000003\r\nabc\r\n0\r\n\r\n`, "bad_chunk"],
  ["a bare LF after a chunk size", `${chunked}3\nabc\r\n0\r\n\r\n`, "bad_chunk"],
  ["a bare LF after chunk data", `${chunked}3\r\nabc\n0\r\n\r\n`, "bad_chunk"],
  ["a chunk longer than its size", `${chunked}3\r\nabcd\r\n0\r\n\r\n`, "bad_chunk"],
  ["a chunk shorter than its size", `${chunked}5\r\nabc\r\n0\r\n\r\n`, "bad_chunk"],
  ["a CR in an extension", `${chunked}3;a\rb\r\nabc\r\n0\r\n\r\n`, "bad_chunk"],
  ["a LF in an extension", `${chunked}3;a\nb\r\nabc\r\n0\r\n\r\n`, "bad_chunk"],
  ["a NUL in an extension", `${chunked}3;\x00\r\nabc\r\n0\r\n\r\n`, "bad_chunk"],
  ["a blank in an extension", `${chunked}3; \r\nabc\r\n0\r\n\r\n`, "bad_chunk"],
  ["an escape in an extension", `${chunked}3;a="\\""\r\nabc\r\n0\r\n\r\n`, "bad_chunk"],
  ["an unnamed extension", `${chunked}3;=a\r\nabc\r\n0\r\n\r\n`, "bad_chunk"],
  ["endless extensions", `${chunked}3;${"a".repeat(9_000)}\r\nabc\r\n`, "bad_chunk"],
  ["endless trailers", `${chunked}0\r\n${"x: 1\r\n".repeat(3_000)}`, "bad_chunk"],
  ["a length in a trailer", `${chunked}0\r\nContent-Length: 5\r\n\r\n`, "bad_chunk"],
  ["a coding in a trailer", `${chunked}0\r\ntransfer-encoding: x\r\n\r\n`, "bad_chunk"],
  ["a folded trailer", `${chunked}0\r\nx: 1\r\n 2\r\n\r\n`, "bad_chunk"],
  ["a trailer without a colon", `${chunked}0\r\nnonsense\r\n\r\n`, "bad_chunk"],
];

const accepted: readonly (readonly [bytes: string, requests: readonly ReadRequest[]])[] = [
  [`${get}\r\n`, [{ method: "GET", target: "/", body: "" }]],
  [
    `POST /a?b=%20c HTTP/1.1\r\nHOST:\t a:80 \t\r\nContent-Length: 3\r\nx:\r\n\r\nabc${get}\r\n`,
    [
      { method: "POST", target: "/a?b=%20c", body: "abc" },
      { method: "GET", target: "/", body: "" },
    ],
  ],
  [
    `${chunked}3\r\nabc\r\n0A;name=value;q="a b";c\r\n0123456789\r\n0\r\nx-sum: 1\r\ny: \r\n\r\n${get}\r\n`,
    [
      { method: "POST", target: "/", body: "abc0123456789" },
      { method: "GET", target: "/", body: "" },
    ],
  ],
  [
    "OPTIONS * HTTP/1.1\r\nhost: [::1]:8080\r\nConnection: x, close\r\n\r\n",
    [{ method: "OPTIONS", target: "*", body: "" }],
  ],
  [`${post}content-length: 0\r\n\r\n`, [{ method: "POST", target: "/", body: "" }]],
  [
    `${post}Transfer-Encoding: CHUNKED\r\n\r\n00000\r\n\r\n`,
    [{ method: "POST", target: "/", body: "" }],
  ],
];

function bytesOf(text: string): Buffer {
  return Buffer.from(text, "latin1");
}

for (const [what, text, refusal] of refused) {
  test(`refused: ${what}`, () => {
    const reading = readStrictly([bytesOf(text)]);
    assert.equal(reading.refusal, refusal);
    assert.deepEqual(reading.requests, []);
  });
}

test("well-formed requests are read as they were meant", () => {
  for (const [text, requests] of accepted) {
    assert.deepEqual(readStrictly([bytesOf(text)]), { requests, refusal: undefined });
  }
});

test("where a message is torn apart makes no difference, at any byte", () => {
  const texts = [...accepted.map(([text]) => text), ...refused.map(([, text]) => text)];
  for (const text of texts) {
    const whole = readStrictly([bytesOf(text)]);
    const positions = text.length < 2_000 ? text.length : 0;
    for (let at = 1; at < positions; at += 1) {
      const torn = readStrictly([bytesOf(text.slice(0, at)), bytesOf(text.slice(at))]);
      assert.deepEqual(torn, whole, `${JSON.stringify(text)} at ${at}`);
    }
    if (positions > 0) {
      const single = readStrictly([...text].map((character) => bytesOf(character)));
      assert.deepEqual(single, whole, `${JSON.stringify(text)} byte by byte`);
    }
  }
});

test("what is accepted, Node's parser reads in the same way", async () => {
  for (const [text, requests] of accepted) {
    assert.deepEqual(await readWithNode(bytesOf(text)), requests);
  }
});

/** Bytes that have decided smuggling attacks, and ordinary ones between them. */
const tellingPieces = [
  "\r\n",
  "\n",
  "\r",
  "\0",
  " ",
  "\t",
  ":",
  ",",
  ";",
  "0",
  "1",
  "3",
  "a",
  "f",
  "x",
  "+",
  "-",
  "_",
  "\x0b",
  "\x0c",
  "\x7f",
  "\x80",
  "\xff",
  "chunked",
  "Content-Length: 5\r\n",
  "0\r\n\r\n",
  "Transfer-Encoding: chunked\r\n",
  "Host: b\r\n",
  "GET /x HTTP/1.1\r\nhost: a\r\n\r\n",
  "HTTP/1.1",
];

const mutation = fc.record({
  at: fc.nat(1_000),
  remove: fc.nat(3),
  insert: fc.constantFrom("", ...tellingPieces),
});

test("nothing is accepted that Node's parser would read otherwise", async () => {
  const sound = accepted.map(([text]) => text);
  const broken = refused.map(([, text]) => text).filter((text) => text.length < 2_000);
  let acceptedCount = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.oneof(fc.constantFrom(...sound), fc.constantFrom(...broken)),
      fc.array(mutation, { minLength: 1, maxLength: 3 }),
      async (base, mutations) => {
        let text = base;
        for (const { at, remove, insert } of mutations) {
          const start = at % (text.length + 1);
          text = text.slice(0, start) + insert + text.slice(start + remove);
        }
        const strict = readStrictly([bytesOf(text)]);
        if (strict.requests.length === 0) return;
        acceptedCount += 1;
        const node = await readWithNode(bytesOf(text));
        assert.deepEqual(node.slice(0, strict.requests.length), strict.requests);
      },
    ),
    { numRuns: 4_000 },
  );
  assert.ok(acceptedCount > 200, `only ${acceptedCount} mutants were accepted: nothing was tested`);
});

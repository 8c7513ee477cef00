import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Product } from "../product.ts";
import { chatRequest, rawRequest } from "../raw-door.ts";
import { ask, goodBody, leavesNoTrace } from "./checks.ts";

/** Requests whose framing is wrong, and clients that take for ever. */
export function framingSuite(productOf: () => Product): void {
  describe("framing", () => {
    ambiguous(productOf);
    slow(productOf);
  });
}

function ambiguous(productOf: () => Product): void {
  test("two ideas of where a body ends are one too many: 400, and the connection is closed", async () => {
    const product = productOf();
    const body = JSON.stringify(goodBody());
    const length = String(Buffer.byteLength(body));
    const key = { authorization: `Bearer ${product.tandem.apiKey}` };
    const lines = Object.entries(key).map(([name, value]) => `${name}: ${value}\r\n`);
    const start = `POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\n${lines.join("")}`;
    const cases: Readonly<Record<string, string | Buffer>> = {
      "both length and chunks": chatRequest(body, { ...key, "transfer-encoding": "chunked" }),
      "two lengths": `${start}content-length: ${length}\r\ncontent-length: 5\r\n\r\n${body}`,
      "a length in hexadecimal": `${start}content-length: 0x10\r\n\r\n${body}`,
      "a negative length": `${start}content-length: -1\r\n\r\n${body}`,
      "an unknown coding": `${start}transfer-encoding: xchunked\r\n\r\n0\r\n\r\n`,
      "chunked twice": `${start}transfer-encoding: chunked, chunked\r\n\r\n0\r\n\r\n`,
      "a blank before the colon": `${start}content-length : ${length}\r\n\r\n${body}`,
      "a folded line": `${start}x-a: 1\r\n 2\r\ncontent-length: ${length}\r\n\r\n${body}`,
      "a chunk size that is none": `${start}transfer-encoding: chunked\r\n\r\nzz\r\n`,
      "a NUL in a value": `${start}x-a: \0\r\ncontent-length: ${length}\r\n\r\n${body}`,
    };
    await leavesNoTrace(product, async () => {
      for (const [what, bytes] of Object.entries(cases)) {
        const answer = await rawRequest({ port: product.port, bytes });
        assert.equal(answer.status, 400, `${what}: ${answer.status} ${answer.body}`);
        assert.equal(answer.headers["connection"]?.toLowerCase(), "close", what);
      }
    });
  });

  test("what stands behind an ambiguous request is never taken for another one", async () => {
    const product = productOf();
    await leavesNoTrace(product, async () => {
      const smuggled = chatRequest(JSON.stringify(goodBody("smuggled")), {
        authorization: `Bearer ${product.tandem.apiKey}`,
      });
      const carrier = Buffer.from(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\n" +
          "transfer-encoding: chunked\r\n\r\n0\r\n\r\n",
      );
      const bytes = Buffer.concat([carrier, smuggled]);
      const answer = await rawRequest({ port: product.port, bytes });
      assert.equal(answer.status, 400);
    });
    assert.ok(!product.engine.calls.some(({ bodyText }) => bodyText.includes("smuggled")));
  });

  test("heads beyond every measure are refused with 431, 414 or 400", async () => {
    const product = productOf();
    await leavesNoTrace(product, async () => {
      const big = await ask(product, goodBody(), { fields: { "x-big": "b".repeat(70_000) } });
      assert.equal(big.status, 431);
      const many = Object.fromEntries(
        Array.from({ length: 300 }, (_, index) => [`x-field-${index}`, "1"]),
      );
      assert.equal((await ask(product, goodBody(), { fields: many })).status, 431);
      const target = `GET /v1/models?${"q".repeat(70_000)} HTTP/1.1\r\nhost: x\r\n\r\n`;
      const long = await rawRequest({ port: product.port, bytes: target });
      assert.ok([414, 431].includes(long.status), String(long.status));
    });
  });
}

/** The product's own limits for slow clients are some ten seconds; a bit more is allowed here. */
const patienceMs = 20_000;

function slow(productOf: () => Product): void {
  test("clients that send for ever are ended, and others are served meanwhile", async () => {
    const product = productOf();
    const authorization = `authorization: Bearer ${product.tandem.apiKey}\r\n`;
    const start = `POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\n${authorization}`;
    const drip = { port: product.port, moreEveryMs: 500, patienceMs };
    const slowHead = rawRequest({ ...drip, bytes: start, more: () => Buffer.from("x-a: b\r\n") });
    const slowBody = rawRequest({
      ...drip,
      bytes: `${start}content-length: 100000\r\n\r\n{`,
      more: () => Buffer.from(" "),
    });
    const silent = rawRequest({ port: product.port, patienceMs, bytes: "POST " });
    for (let call = 0; call < 20; call += 1) {
      const answer = await ask(product, goodBody(`beside the slow ${call}`));
      assert.equal(answer.status, 200);
    }
    await leavesNoTrace(product, async () => {
      for (const answer of await Promise.all([slowHead, slowBody, silent])) {
        assert.ok(answer.isClosed || answer.status === 408, JSON.stringify(answer));
        assert.ok(answer.tookMs < patienceMs);
      }
    });
  });
}

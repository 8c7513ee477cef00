import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Product } from "../product.ts";
import { rawRequest } from "../raw-door.ts";
import { ask, assertDialectError, goodBody, leavesNoTrace } from "./checks.ts";

/** Bodies that are not what the endpoint takes. */
export function bodiesSuite(productOf: () => Product): void {
  describe("bodies", () => {
    notJson(productOf);
    notTheRightJson(productOf);
    tooMuch(productOf);
  });
}

function refused(
  productOf: () => Product,
  name: string,
  cases: Readonly<Record<string, string | Buffer | object>>,
): void {
  test(name, async () => {
    const product = productOf();
    await leavesNoTrace(product, async () => {
      for (const [what, body] of Object.entries(cases)) {
        const answer = await ask(product, body);
        assertDialectError(answer, [400, 422]);
        assert.ok(answer.tookMs < 2_000, `${what} took ${answer.tookMs} ms`);
      }
    });
  });
}

function notJson(productOf: () => Product): void {
  const text = JSON.stringify(goodBody());
  refused(productOf, "a body that is not JSON is refused, and never half of it acted upon", {
    "no bytes": "",
    words: "hello",
    half: text.slice(0, -5),
    "two documents": text + text,
    "a trailing comma": text.replace(/\}$/, ",}"),
    "not a number": text.replace(/\}$/, ',"temperature":NaN}'),
    "a lone surrogate": text.replace("Bonjour", "\\ud800"),
    "not UTF-8": Buffer.concat([
      Buffer.from(text.split("Bonjour")[0] ?? ""),
      Buffer.from([0xff, 0xfe]),
      Buffer.from(text.split("Bonjour")[1] ?? ""),
    ]),
  });

  const depth = 100_000;
  refused(productOf, "a body 100,000 levels deep is refused at once", {
    arrays: `${"[".repeat(depth)}${"]".repeat(depth)}`,
    "in a field": `{"model":"mock-1","messages":${"[".repeat(depth)}${"]".repeat(depth)}}`,
    objects: `${'{"a":'.repeat(depth)}1${"}".repeat(depth)}`,
    "open for ever": "[".repeat(depth),
  });

  refused(productOf, "a key that comes twice is refused, for two readers may read two things", {
    model: '{"model":"mock-1","model":"mock-2","messages":[{"role":"user","content":"x"}]}',
    escaped: '{"model":"mock-1","mod\\u0065l":"x","messages":[{"role":"user","content":"x"}]}',
    inside: '{"model":"mock-1","messages":[{"role":"user","content":"x","content":"y"}]}',
  });

  test("__proto__ and constructor are names like any others, or refused, and poison nothing", async () => {
    const product = productOf();
    const message = '"messages":[{"role":"user","content":"x"}]';
    const poison = '"__proto__":{"model":"mock-1","isAdmin":true},"constructor":{"prototype":{}}';
    const { body, status } = await ask(product, `{${poison},${message}}`);
    assert.ok(status === 400 || status === 422, `a model out of the prototype: ${status} ${body}`);
    const beside = await ask(product, `{"model":"mock-1",${poison},${message}}`);
    assert.ok([200, 400, 422].includes(beside.status), beside.body);
    assert.equal((await ask(product, goodBody("unpoisoned"))).status, 200);
  });
}

function notTheRightJson(productOf: () => Product): void {
  const good = goodBody();
  refused(productOf, "values of the wrong type are refused, each of them", {
    "an array": [],
    "a number": "5",
    null: "null",
    "no model": { messages: good.messages },
    "a model that is a number": { ...good, model: 5 },
    "an empty model": { ...good, model: "" },
    "no messages": { model: good.model },
    "messages that are text": { ...good, messages: "x" },
    "no message": { ...good, messages: [] },
    "a message that is text": { ...good, messages: ["x"] },
    "an unknown role": { ...good, messages: [{ role: "emperor", content: "x" }] },
    "content that is a number": { ...good, messages: [{ role: "user", content: 5 }] },
    "a hot temperature": { ...good, temperature: "hot" },
    "a temperature of 3": { ...good, temperature: 3 },
    "stream: yes": { ...good, stream: "yes" },
    "stream options without a stream": { ...good, stream_options: { include_usage: true } },
    "tools that are text": { ...good, tools: "weather" },
    "seventeen stops": { ...good, stop: Array.from({ length: 17 }, (_, index) => `s${index}`) },
    "an unknown format": { ...good, response_format: { type: "yaml" } },
  });

  refused(productOf, "max_tokens below one, broken or huge is refused before anything is spent", {
    zero: { ...good, max_tokens: 0 },
    negative: { ...good, max_tokens: -1 },
    half: { ...good, max_tokens: 1.5 },
    huge: { ...good, max_tokens: 1e15 },
    "beyond all numbers": JSON.stringify(good).replace(/\}$/, ',"max_tokens":1e999}'),
    text: { ...good, max_tokens: "10" },
  });

  test("an unknown model is refused with the name that was asked for", async () => {
    const product = productOf();
    await leavesNoTrace(product, async () => {
      const answer = await ask(product, { ...goodBody(), model: "no-such-model" });
      assertDialectError(answer, [400, 404]);
      assert.match(answer.body, /no-such-model/);
    });
  });

  test("a prompt longer than the model's context is refused as that", async () => {
    const product = productOf();
    await leavesNoTrace(product, async () => {
      const answer = await ask(product, goodBody("many words ".repeat(40_000)));
      assertDialectError(answer, [400]);
      assert.match(answer.body, /context_length_exceeded/);
    });
  });
}

const mib = 2 ** 20;

function tooMuch(productOf: () => Product): void {
  test("a body over the limit is refused with 413, declared or not", async () => {
    const product = productOf();
    await leavesNoTrace(product, async () => {
      const body = JSON.stringify(goodBody("x".repeat(11 * mib)));
      assertDialectError(await ask(product, body), [413]);
      const fields = { "content-length": String(10 ** 12) };
      assertDialectError(await ask(product, "{", { fields }), [413]);
    });
  });

  test("a body without an end is refused with 413 when it passes the limit", async () => {
    const product = productOf();
    await leavesNoTrace(product, async () => {
      const piece = Buffer.from(`10000\r\n${"x".repeat(0x10000)}\r\n`);
      const answer = await rawRequest({
        port: product.port,
        bytes:
          "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n" +
          `authorization: Bearer ${product.tandem.apiKey}\r\ntransfer-encoding: chunked\r\n\r\n`,
        more: () => piece,
      });
      assertDialectError(answer, [413]);
    });
  });
}

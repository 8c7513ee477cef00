import assert from "node:assert/strict";
import { type IncomingMessage, request } from "node:http";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { type EngineFault, type HttpAnswer, textOfStream, textOfWhole } from "@tandem/libs/testing";
import { realWorld, sleep } from "@tandem/libs/world";
import { until } from "./testing/fake-platform.ts";
import { errorIn, freshPrompt, type GatewayBench, openBench } from "./testing/gateway-bench.ts";

let bench: GatewayBench;

before(async () => {
  bench = await openBench({
    settings: { keepAliveMs: "1s", wholeKeepAliveMs: "1s" },
    timeouts: { firstTokenTimeoutMs: 600, idleTimeoutMs: 600, totalTimeoutMs: 8_000 },
  });
});
after(() => bench.close());

/** Every way in which an upstream can fail before a word of its answer has come. */
const early: [string, EngineFault][] = [
  ["resets", { kind: "reset" }],
  ["answers 500", { kind: "status", status: 500 }],
  ["answers 503", { kind: "status", status: 503 }],
  ["answers 429", { kind: "status", status: 429, retryAfterSeconds: 3 }],
  ["refuses our key", { kind: "status", status: 401 }],
  ["does not know the model", { kind: "status", status: 404 }],
  ["answers a page", { kind: "html", status: 200 }],
  ["answers a page with 502", { kind: "html", status: 502 }],
  ["answers 200 with an error", { kind: "error-body" }],
  ["answers what makes no sense", { kind: "malformed" }],
];

/** A fresh health record each time: what one test broke is no other test's business. */
function heal(): void {
  bench.first.always(undefined);
  bench.second.always(undefined);
  const { first, second, platform } = bench;
  const timeouts = { firstTokenTimeoutMs: 600, idleTimeoutMs: 600, totalTimeoutMs: 8_000 };
  generation += 1;
  platform.setUpstreams([
    { name: "one", baseUrl: first.baseUrl, apiKey: `k${generation}`, ...timeouts },
    { name: "two", baseUrl: second.baseUrl, apiKey: `k${generation}`, ...timeouts },
  ]);
}
let generation = 0;

async function healed(): Promise<void> {
  heal();
  const isNew = () =>
    bench.first.calls.at(-1)?.headers["authorization"] === `Bearer k${generation}`;
  while (!isNew()) await bench.chat(freshPrompt(1).content, { model: "free", max_tokens: 1 });
}

describe("an upstream that fails before its first word", () => {
  for (const stream of [false, true]) {
    for (const [what, fault] of early) {
      // In a stream this engine says a word or two before it makes no sense.
      if (stream && fault.kind === "malformed") continue;
      test(`${what}: another one answers, ${stream ? "streamed" : "whole"}`, async () => {
        await healed();
        bench.first.script(fault);
        const { content, expected } = freshPrompt();
        const answer = await bench.chat(content, { stream });
        assert.equal(answer.status, 200, answer.text);
        const text = stream ? textOfStream(answer.text) : textOfWhole(answer.text);
        assert.equal(text, expected);
        // A kept-alive connection that is reset says nothing of its server: it is asked again.
        if (fault.kind === "reset") return;
        assert.equal(answer.headers["x-tandem-upstream"], "two");
        assert.equal(answer.headers["x-tandem-attempts"], "2");
      });
    }
  }

  test("hangs: a stream moves on after the first-token limit", async () => {
    await healed();
    bench.first.script({ kind: "hang" });
    const { content, expected } = freshPrompt();
    const answer = await bench.chat(content, { stream: true });
    assert.equal(textOfStream(answer.text), expected);
    assert.equal(answer.headers["x-tandem-upstream"], "two");
  });

  test("refuses connections: another one answers at once", async () => {
    await healed();
    await bench.first.refuse();
    try {
      const { content, expected } = freshPrompt();
      const answer = await bench.chat(content);
      assert.equal(textOfWhole(answer.text), expected);
    } finally {
      await bench.first.accept();
    }
  });
});

describe("when every upstream fails", () => {
  test("the client gets one 502 that says how many were tried, and not to retry", async () => {
    await healed();
    bench.first.script({ kind: "status", status: 500 });
    bench.second.script({ kind: "html", status: 200 });
    const answer = await bench.chat(freshPrompt().content);
    assert.equal(answer.status, 502, answer.text);
    assert.equal(errorIn(answer).code, "upstream_failed");
    assert.equal(errorIn(answer)["attempts"], 2);
    assert.equal(answer.headers["x-should-retry"], "false");
  });

  test("while all are down a request asks one of them, so that no outage is multiplied", async () => {
    await healed();
    await Promise.all([bench.first.refuse(), bench.second.refuse()]);
    let attempts = 0;
    const ask = async (): Promise<void> => {
      const answer = await bench.chat(freshPrompt().content);
      assert.equal(answer.status, 502, answer.text);
      attempts += Number(errorIn(answer)["attempts"]);
    };
    try {
      // Until it is known that they are down.
      for (let call = 0; call < 10; call += 1) await ask();
      attempts = 0;
      await Promise.all(Array.from({ length: 100 }, ask));
    } finally {
      await Promise.all([bench.first.accept(), bench.second.accept()]);
    }
    assert.ok(attempts <= 150, `${attempts} attempts for 100 requests`);
    while ((await bench.chat(freshPrompt().content)).status !== 200) await sleep(realWorld(), 25);
  });

  test("busy ones are told as 503 with the time to come back", async () => {
    await healed();
    for (const engine of [bench.first, bench.second]) {
      engine.script({ kind: "status", status: 429, retryAfterSeconds: 7 });
    }
    const answer = await bench.chat(freshPrompt().content);
    assert.equal(answer.status, 503);
    assert.equal(errorIn(answer).code, "server_is_overloaded");
    assert.equal(answer.headers["retry-after"], "7");
  });

  test("what the request itself did wrong is told as it is, and asked nowhere else", async () => {
    await healed();
    bench.first.script({ kind: "status", status: 400, message: "bad seed", code: "bad_seed" });
    const calls = bench.second.calls.length;
    const answer = await bench.chat(freshPrompt().content);
    assert.equal(answer.status, 400);
    assert.equal(errorIn(answer).message, "bad seed");
    assert.equal(errorIn(answer).code, "bad_seed");
    assert.equal(bench.second.calls.length, calls);
  });

  test("nothing is charged for what was never answered", async () => {
    await healed();
    for (const engine of [bench.first, bench.second])
      engine.script({ kind: "status", status: 500 });
    const answer = await bench.chat(freshPrompt().content);
    const id = String(answer.headers["x-request-id"]);
    await until(() => bench.platform.quota.ledger.has(id));
    assert.equal(bench.platform.quota.ledger.get(id)?.chargedNanos, 0n);
    assert.equal(bench.platform.quota.ledger.get(id)?.outcome, "failed");
  });
});

describe("a stream that breaks in the middle", () => {
  const breaks: [string, EngineFault][] = [
    ["reset", { kind: "cut", atByte: 1_500, how: "reset" }],
    ["closed", { kind: "cut", atByte: 1_500, how: "end" }],
    ["silent", { kind: "cut", atByte: 1_500, how: "stall" }],
    ["ended too soon", { kind: "truncate", atByte: 1_200 }],
    ["ended between events", { kind: "stop-short", afterEvents: 5 }],
    ["with an error event", { kind: "stream-error", afterEvents: 5 }],
  ];
  for (const [what, fault] of breaks) {
    test(`${what}: ends in a typed error and a cut, never like a whole one`, async () => {
      await healed();
      bench.first.script(fault);
      // In pieces: what fails together with its first words is simply tried elsewhere.
      bench.first.pace({ tokensPerSecond: 200 });
      const { content, expected } = freshPrompt(60);
      const { text, isComplete } = await streamed(content);
      bench.first.pace({});
      assert.equal(isComplete, false);
      assert.ok(!text.includes("[DONE]"));
      assert.ok(!text.includes('"finish_reason":"'));
      const events = text.split("\n\n").filter((event) => event.startsWith("data: {"));
      const last = JSON.parse(events.at(-1)?.slice(6) ?? "{}");
      assert.equal(last.error.code, "stream_broken", text.slice(-300));
      const words = events.slice(0, -1).map((event) => JSON.parse(event.slice(6)));
      const said = words.map(({ choices }) => choices[0]?.delta.content ?? "").join("");
      assert.ok(said.length > 0 && expected.startsWith(said));
    });
  }

  test("is charged by what was delivered, as an estimate", async () => {
    await healed();
    bench.first.script({ kind: "stop-short", afterEvents: 20 });
    bench.first.pace({ tokensPerSecond: 200 });
    const { headers } = await streamed(freshPrompt(200).content);
    bench.first.pace({});
    const id = String(headers["x-request-id"]);
    await until(() => bench.platform.quota.ledger.has(id));
    const settled = bench.platform.quota.ledger.get(id);
    assert.equal(settled?.outcome, "partial");
    assert.equal(settled?.estimated, true);
    assert.ok((settled?.outputTokens ?? 0) > 5 && (settled?.outputTokens ?? 0) < 100);
  });
});

interface Streamed {
  readonly text: string;
  readonly isComplete: boolean;
  readonly headers: HttpAnswer["headers"];
}

function open(content: string, part: object = {}): Promise<IncomingMessage> {
  const body = JSON.stringify({
    model: "paid",
    messages: [{ role: "user", content }],
    stream: true,
    ...part,
  });
  return new Promise((resolve, reject) => {
    const outgoing = request({
      socketPath: bench.gateway.address.replace("unix:", ""),
      method: "POST",
      path: "/v1/chat/completions",
      agent: false,
      headers: {
        authorization: `Bearer ${bench.key}`,
        "content-length": String(Buffer.byteLength(body)),
      },
    });
    outgoing.on("error", reject);
    outgoing.on("response", resolve);
    outgoing.end(body);
  });
}

async function streamed(content: string, part: object = {}): Promise<Streamed> {
  const incoming = await open(content, part);
  return new Promise((resolve) => {
    let text = "";
    const end = (): void =>
      resolve({ text, isComplete: incoming.complete, headers: incoming.headers });
    incoming.on("data", (chunk: Buffer) => {
      text += chunk.toString();
    });
    incoming.on("error", () => undefined);
    incoming.on("close", end);
  });
}

describe("a client that leaves", () => {
  test("has its upstream cancelled within 50 ms, and pays for what was generated", async () => {
    await healed();
    bench.first.pace({ tokensPerSecond: 100 });
    let quickestMs = Number.POSITIVE_INFINITY;
    for (let round = 0; round < 5 && quickestMs > 50; round += 1) {
      const { content } = freshPrompt(2_000);
      const incoming = await open(content);
      await new Promise((resolve) => incoming.once("data", resolve));
      const leftMs = performance.now();
      incoming.destroy();
      const call = () => bench.first.calls.findLast(({ bodyText }) => bodyText.includes(content));
      await bench.first.until(() => call()?.state === "canceled");
      quickestMs = Math.min(quickestMs, (call()?.endedMs ?? Number.NaN) - leftMs);
      const id = String(incoming.headers["x-request-id"]);
      await until(() => bench.platform.quota.ledger.has(id));
      assert.equal(bench.platform.quota.ledger.get(id)?.outcome, "partial");
    }
    bench.first.pace({});
    assert.ok(quickestMs <= 50, `${quickestMs} ms at best`);
  });

  test("before the first word costs nothing, and starts no other attempt", async () => {
    await healed();
    bench.first.pace({ firstTokenDelayMs: 400 });
    const { content } = freshPrompt();
    const calls = bench.second.calls.length;
    const abort = new AbortController();
    const body = JSON.stringify({ model: "paid", messages: [{ role: "user", content }] });
    const outgoing = request({
      socketPath: bench.gateway.address.replace("unix:", ""),
      method: "POST",
      path: "/v1/chat/completions",
      signal: abort.signal,
      headers: { authorization: `Bearer ${bench.key}`, "content-length": body.length },
    });
    outgoing.on("error", () => undefined);
    outgoing.end(body);
    const call = () => bench.first.calls.findLast(({ bodyText }) => bodyText.includes(content));
    await bench.first.until(() => call() !== undefined);
    abort.abort();
    await bench.first.until(() => call()?.state === "canceled");
    bench.first.pace({});
    assert.equal(bench.second.calls.length, calls);
  });
});

describe("a client that waits", () => {
  test("for a stream gets comments, and another upstream may still answer after them", async () => {
    await healed();
    const timeouts = { firstTokenTimeoutMs: 1_600, idleTimeoutMs: 1_600, totalTimeoutMs: 8_000 };
    bench.platform.setUpstreams([
      { name: "one", baseUrl: bench.first.baseUrl, ...timeouts },
      { name: "two", baseUrl: bench.second.baseUrl, ...timeouts },
    ]);
    const settled = bench.first.calls.length;
    while (bench.first.calls.at(-1)?.headers["authorization"] !== undefined) {
      await bench.chat(freshPrompt(1).content, { model: "free" });
      assert.ok(bench.first.calls.length < settled + 200);
    }
    bench.first.script({ kind: "hang" });
    const { content, expected } = freshPrompt();
    const { text, isComplete } = await streamed(content);
    assert.ok(text.startsWith(": keep-alive\n\n"), text.slice(0, 50));
    assert.equal(textOfStream(text), expected);
    assert.equal(isComplete, true);
  });

  test("for a whole answer gets blank lines in front of it", async () => {
    await healed();
    bench.first.pace({ firstTokenDelayMs: 1_400 });
    const { content, expected } = freshPrompt();
    const answer = await bench.chat(content, { max_tokens: 16 });
    bench.first.pace({});
    assert.equal(answer.status, 200);
    assert.ok(answer.text.startsWith("\n"));
    assert.equal(textOfWhole(answer.text), expected);
  });
});

test("a client that reads slowly holds the upstream back, and memory stays small", async () => {
  const endless = await endlessUpstream();
  bench.platform.setUpstreams([{ name: "one", baseUrl: endless.baseUrl }]);
  let incoming = await open("x", { model: "free" });
  try {
    while (endless.connections === 0) {
      incoming.destroy();
      incoming = await open("x", { model: "free" });
    }
    incoming.pause();
    await until(() => endless.isHeld());
    const accepted = endless.acceptedBytes();
    assert.ok(accepted < 2_000_000, `${accepted} bytes were taken for a client that reads nothing`);
  } finally {
    incoming.destroy();
    await endless.close();
  }
});

/** Streams words for as long as the kernel takes them. */
async function endlessUpstream() {
  const event = `data: ${JSON.stringify({
    object: "chat.completion.chunk",
    model: "mock-1",
    choices: [{ index: 0, delta: { role: "assistant", content: "x".repeat(500) } }],
  })}\n\n`;
  const chunk = `${Buffer.byteLength(event).toString(16)}\r\n${event}\r\n`;
  const state = { connections: 0, accepted: 0, heldSinceMs: Number.POSITIVE_INFINITY };
  const server = createServer((socket) => {
    socket.on("error", () => undefined);
    const pour = (): void => {
      state.heldSinceMs = Number.POSITIVE_INFINITY;
      while (!socket.destroyed) {
        state.accepted += chunk.length;
        if (!socket.write(chunk)) break;
      }
      state.heldSinceMs = performance.now();
    };
    socket.on("drain", pour);
    socket.once("data", () => {
      state.connections += 1;
      socket.write("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n");
      socket.write("transfer-encoding: chunked\r\n\r\n");
      pour();
    });
  });
  // A Unix socket: the kernel keeps little in between, so that what is held can be seen.
  const path = join(tmpdir(), `endless-${process.pid}.sock`);
  await new Promise<void>((resolve) => {
    server.listen(path, resolve);
  });
  return {
    baseUrl: `unix:${path}:/v1`,
    get connections() {
      return state.connections;
    },
    acceptedBytes: () => state.accepted,
    /** Nothing more was taken for a while. */
    isHeld: () => performance.now() - state.heldSinceMs > 300,
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
      }),
  };
}

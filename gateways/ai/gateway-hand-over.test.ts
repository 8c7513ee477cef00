import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { httpRequest, textOfStream } from "@tandem/libs/testing";
import { newId, realWorld } from "@tandem/libs/world";
import { createHandOverSeal, type HandOverClaims } from "./hand-over/hand-over-seal.ts";
import { until } from "./testing/fake-platform.ts";
import { freshPrompt, type GatewayBench, openBench } from "./testing/gateway-bench.ts";
import { chunksOf, openStream } from "./testing/streamed.ts";

let bench: GatewayBench;

before(async () => {
  bench = await openBench({ upstream: { profile: "vllm" }, engine: { profile: "vllm" } });
});
after(() => bench.close());

const world = realWorld();
/** With the pepper of the test house. */
const seal = createHandOverSeal(new Uint8Array(32).fill(7));

function claims(requestId: string, part: Partial<HandOverClaims> = {}): HandOverClaims {
  const target = { model: "paid", upstream: "two", upstreamModel: "mock-1" };
  return { requestId, keyId: "key_1", ...target, atMs: world.clock.nowMs(), ...part };
}

interface Brought {
  readonly path?: string;
  readonly body: object;
  readonly sent: string;
  readonly requestId?: string;
  readonly token?: string;
}

/** What the router does when the replica that gave a stream is gone. */
function bring({ path = "/v1/chat/completions", body, sent, ...given }: Brought) {
  const { requestId = newId(world, "req") } = given;
  const request = Buffer.from(JSON.stringify({ model: "paid", stream: true, ...body }));
  return httpRequest(bench.gateway.address, {
    method: "POST",
    path,
    body: Buffer.concat([request, Buffer.from(sent)]),
    headers: {
      authorization: `Bearer ${bench.key}`,
      "x-request-id": requestId,
      "x-tandem-handover": given.token ?? seal.seal(claims(requestId)),
      "x-tandem-handover-request-bytes": String(request.length),
    },
    mayBeCut: true,
  });
}

function eventsOf(text: string): readonly string[] {
  return text.split("\n\n").filter((event) => event !== "");
}

function joined(events: readonly string[]): string {
  return events.map((event) => `${event}\n\n`).join("");
}

function chatBody(tokens: number) {
  const { content, expected } = freshPrompt(tokens);
  return { body: { messages: [{ role: "user", content }] }, expected, content };
}

describe("a stream of a replica that was lost", () => {
  test("is gone on with from every event of it, and settled once, for all of it", async () => {
    const { body, expected, content } = chatBody(12);
    const whole = await bench.post("/v1/chat/completions", {
      ...body,
      model: "paid",
      stream: true,
    });
    const events = eventsOf(whole.text);
    for (let count = 1; count <= events.length; count += 1) {
      const requestId = newId(world, "req");
      const sent = joined(events.slice(0, count));
      const rest = await bring({ body, sent, requestId });
      assert.equal(rest.status, 200);
      assert.ok(rest.headers["x-tandem-handover"], "it can be handed over again");
      const text = sent + rest.text;
      assert.equal(textOfStream(text), expected, `after ${count} of ${events.length}`);
      assert.equal(new Set(chunksOf(text).map(({ id }) => id)).size, 1);
      await until(() => bench.platform.quota.ledger.has(requestId));
      const settled = bench.platform.quota.ledger.get(requestId);
      assert.equal(settled?.outcome, "complete");
      assert.equal(settled?.outputTokens, 12);
      assert.equal(settled?.inputTokens, Math.ceil(content.length / 4), `after ${count}`);
    }
  });

  test("of which the client has only signs of life is begun", async () => {
    const { body, expected } = chatBody(8);
    const rest = await bring({ body, sent: ": keep-alive\n\n: keep-alive\n\n" });
    assert.equal(textOfStream(rest.text), expected);
  });

  test("whose events were numbered, so that its client could resume it, goes on as well", async () => {
    const { body, expected } = chatBody(8);
    const whole = await bench.post("/v1/chat/completions", {
      ...body,
      model: "paid",
      stream: true,
    });
    const events = eventsOf(whole.text).slice(0, 4);
    const numbered = events.map((event, index) => `id: ${index + 1}\n${event}`);
    const rest = await bring({ body, sent: joined(numbered) });
    assert.equal(textOfStream(joined(events) + rest.text), expected);
  });

  test("asks the same upstream first, which may remember it", async () => {
    const { body } = chatBody(8);
    const calls = bench.second.calls.length;
    const first = await bench.post("/v1/chat/completions", {
      ...body,
      model: "paid",
      stream: true,
    });
    await bring({ body, sent: joined(eventsOf(first.text).slice(0, 4)) });
    assert.equal(bench.second.calls.length, calls + 1);
  });

  test("in Anthropic's dialect comes to the very bytes it would have come to", async () => {
    const { content } = freshPrompt(9);
    const body = { messages: [{ role: "user", content }], max_tokens: 100 };
    const whole = await bench.post("/v1/messages", { ...body, model: "paid", stream: true });
    const events = eventsOf(whole.text);
    const bare = (text: string): string =>
      text
        .replace(/"usage":\{[^}]*\}?\}?/g, "")
        .split("\n\n")
        .filter((event) => event !== "" && !event.startsWith(":"))
        .join("\n\n");
    for (let count = 1; count <= events.length; count += 1) {
      const sent = joined(events.slice(0, count));
      const rest = await bring({ path: "/v1/messages", body, sent });
      // What it cost is told there, and not read back.
      if (events[count - 1]?.startsWith("event: message_delta")) {
        assert.ok(rest.wasCut && rest.text.startsWith("event: error"), rest.text);
        continue;
      }
      assert.equal(bare(sent + rest.text), bare(whole.text), `after ${count} of ${events.length}`);
    }
  });
});

describe("a stream of the Responses dialect", () => {
  /** Without the usage, which counts prompts anew, and signs of life. */
  const bare = (text: string): readonly string[] =>
    eventsOf(text.replace(/"usage":\{.*?\}\}[^}]*\}/g, "")).filter((one) => !one.startsWith(":"));

  const comesToTheSame = async (): Promise<void> => {
    const { content } = freshPrompt(9);
    const body = { input: content };
    const requestId = newId(world, "req");
    const given = { stream: true, model: "paid", ...body };
    const whole = await bench.post("/v1/responses", given, { "x-request-id": requestId });
    const events = eventsOf(whole.text);
    assert.ok(events.length > 12);
    for (let count = 1; count <= events.length; count += 1) {
      const sent = joined(events.slice(0, count));
      const rest = await bring({ path: "/v1/responses", body, sent, requestId });
      assert.ok(!rest.wasCut, `after ${count} of ${events.length}: ${rest.text}`);
      assert.deepEqual(bare(sent + rest.text), bare(whole.text), `after ${count}`);
    }
  };

  test("comes to the very bytes it would have come to, after every event", comesToTheSame);

  test("the same where the model thinks first", async () => {
    const usual = bench;
    const engine = { profile: "deepseek", reasoningTokens: 4 } as const;
    bench = await openBench({ upstream: { profile: "deepseek" }, engine });
    try {
      await comesToTheSame();
    } finally {
      await bench.close();
      bench = usual;
    }
  });

  test("that called a tool is not begun anew, and ends typed", async () => {
    const { content } = freshPrompt(9);
    const tools = [{ type: "function", name: "weather", parameters: { type: "object" } }];
    const body = { input: `${content}: ask weather`, tools };
    const requestId = newId(world, "req");
    const given = { stream: true, model: "paid", ...body };
    const whole = await bench.post("/v1/responses", given, { "x-request-id": requestId });
    const events = eventsOf(whole.text);
    const sent = joined(events.slice(0, -1));
    const rest = await bring({ path: "/v1/responses", body, sent, requestId });
    assert.ok(rest.wasCut);
    assert.match(rest.text, /event: response\.failed\n.*\n\nevent: error/);
    const again = { path: "/v1/responses", body, sent: joined(events), requestId };
    assert.equal((await bring(again)).text, "", "what is complete is complete");
  });
});

describe("a replica that ends while it gives a stream", () => {
  test("leaves it to another one in the middle, which settles it all, once", async () => {
    const { body, expected, content } = chatBody(60);
    await bench.restart({ streams: { drainMs: "0s" } });
    for (const engine of [bench.first, bench.second]) engine.pace({ tokensPerSecond: 100 });
    const incoming = await openStream(bench, content);
    const requestId = String(incoming.headers["x-request-id"]);
    let sent = "";
    const begun = new Promise((resolve) => {
      incoming.on("data", (chunk: Buffer) => {
        sent += chunk.toString();
        if (sent.length > 2_000) resolve(undefined);
      });
    });
    incoming.on("error", () => undefined);
    const closed = new Promise((resolve) => incoming.on("close", resolve));
    await begun;
    await bench.restart();
    await closed;
    assert.ok(!incoming.complete && !sent.includes(": ended"), sent.slice(-200));
    for (const engine of [bench.first, bench.second]) engine.pace({});
    assert.equal(bench.platform.quota.ledger.has(requestId), false);
    const rest = await bring({ body, sent, requestId });
    assert.equal(textOfStream(sent + rest.text), expected);
    await until(() => bench.platform.quota.ledger.has(requestId));
    const settled = bench.platform.quota.ledger.get(requestId);
    assert.deepEqual([settled?.outcome, settled?.outputTokens], ["complete", 60]);
  });
});

describe("what none of our replicas has begun", () => {
  const sent = 'data: {"id":"x","choices":[{"index":0,"delta":{"content":"Yes, I will "}}]}\n\n';

  test("is refused: a made-up token, another request's, an old one", async () => {
    const { body } = chatBody(4);
    const requestId = newId(world, "req");
    const other = createHandOverSeal(new Uint8Array(32).fill(8));
    const tokens = [
      "forged",
      "",
      other.seal(claims(requestId)),
      seal.seal(claims(newId(world, "req"))),
      seal.seal(claims(requestId, { atMs: world.clock.nowMs() - 3 * 3_600_000 })),
      `${seal.seal(claims(requestId)).slice(0, -4)}AAAA`,
    ];
    const calls = bench.first.calls.length + bench.second.calls.length;
    for (const token of tokens) {
      const answer = await bring({ body, sent, requestId, token });
      assert.equal(answer.status, 403, answer.text);
    }
    assert.equal(bench.first.calls.length + bench.second.calls.length, calls);
  });

  test("is refused with another caller's token", async () => {
    const requestId = newId(world, "req");
    const token = seal.seal(claims(requestId, { keyId: "key_other" }));
    const answer = await bring({ body: chatBody(4).body, sent, requestId, token });
    assert.ok(answer.wasCut);
    assert.match(answer.text, /^data: \{"error":/);
  });

  test("ended on purpose stays ended", async () => {
    const { body } = chatBody(4);
    const answer = await bring({ body, sent: `${sent}data: {"error":{"code":"x"}}\n\n` });
    assert.equal(answer.status, 502);
    assert.ok(!answer.text.includes('"content"'));
  });
});

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { eventsOf, type Message, weatherTool } from "./testing/anthropic-answer.ts";
import { freshPrompt, type GatewayBench, openBench, price } from "./testing/gateway-bench.ts";

describe("Anthropic upstreams", () => {
  let other: GatewayBench;
  before(async () => {
    other = await openBench({
      engine: { profile: "anthropic", apiKey: "k-upstream" },
      timeouts: { idleTimeoutMs: 500 },
      upstream: { profile: "anthropic", apiKey: "k-upstream" },
    });
    other.platform.setModels(
      [{ id: "paid", targets: [{ upstream: "one", model: "mock-1", order: 1 }] }],
      [price],
    );
  });
  after(() => other.close());

  test("answer OpenAI's clients with the same words, whole and streamed, at the same price", async () => {
    const { content, expected } = freshPrompt(30);
    const whole = await other.chat(content);
    assert.equal(whole.status, 200, whole.text);
    const body = whole.json as {
      object: string;
      choices: { message: { content: string }; finish_reason: string }[];
      usage: { prompt_tokens: number; prompt_cache_hit_tokens: number; x_tandem: object };
    };
    assert.equal(body.object, "chat.completion");
    assert.equal(body.choices[0]?.message.content, expected);
    assert.equal(body.choices[0]?.finish_reason, "stop");
    assert.equal(body.usage.prompt_cache_hit_tokens, 2);
    const stream = await other.chat(content, { stream: true });
    const events = stream.text.split("\n\n").filter((event) => event.startsWith("data: {"));
    const chunks = events.map((event) => JSON.parse(event.slice(6)));
    const text = chunks.map(({ choices }) => choices[0].delta.content ?? "").join("");
    assert.equal(text, expected);
    assert.ok(chunks.every(({ model }) => model === "paid"));
    assert.deepEqual(chunks.at(-1).usage, body.usage);
    assert.match(stream.text, /data: \[DONE\]\n\n$/);
  });

  test("think when they are told to, and what they signed comes back to them", async () => {
    const thinker = await openBench({
      engine: { profile: "anthropic", reasoningTokens: 5 },
      upstream: { profile: "anthropic" },
    });
    try {
      const { content, expected } = freshPrompt();
      const body = {
        model: "paid",
        max_tokens: 4_000,
        thinking: { type: "enabled", budget_tokens: 2_000 },
        tools: [weatherTool],
        messages: [{ role: "user", content }],
      };
      const whole = (await thinker.post("/v1/messages", body)).json as Message;
      assert.deepEqual(
        whole.content.map(({ type }) => type),
        ["thinking", "text"],
      );
      assert.equal(whole.content[1]?.["text"], expected);
      const events = eventsOf(await thinker.post("/v1/messages", { ...body, stream: true }));
      const signature = events
        .map(
          ({ data }) => (data["delta"] as { readonly signature?: string } | undefined)?.signature,
        )
        .find((given) => given !== undefined);
      assert.equal(signature, whole.content[0]?.["signature"]);
      await thinker.post("/v1/messages", {
        ...body,
        messages: [
          ...body.messages,
          { role: "assistant", content: whole.content },
          { role: "user", content: "And?" },
        ],
      });
      const sent = thinker.first.calls.at(-1)?.body as { messages: { content: object[] }[] };
      assert.deepEqual(sent.messages[1]?.content[0], whole.content[0]);
    } finally {
      await thinker.close();
    }
  });

  test("what they cannot be asked is refused with its name", async () => {
    for (const [part, words] of [
      [{ n: 2 }, /several answers/],
      [{ logprobs: true }, /log probabilities/],
      [{ response_format: { type: "json_object" } }, /JSON mode/],
    ] as const) {
      const answer = await other.chat("x", part);
      assert.equal(answer.status, 400);
      assert.match(answer.text, words);
    }
  });

  for (const fault of [
    { kind: "stop-short", afterEvents: 6 },
    { kind: "cut", atByte: 1_800, how: "reset" },
    { kind: "cut", atByte: 1_800, how: "end" },
    { kind: "malformed" },
    { kind: "stream-error", afterEvents: 6 },
    { kind: "truncate", atByte: 1_500 },
  ] as const) {
    test(`that break are no whole answer to anybody: ${JSON.stringify(fault)}`, async () => {
      other.first.script(fault);
      const chat = await other.chat(freshPrompt(40).content, { stream: true });
      assert.ok(chat.wasCut || chat.status === 502, chat.text.slice(-300));
      assert.doesNotMatch(chat.text, /\[DONE\]|"finish_reason":"/);
      other.first.script(fault);
      const body = {
        model: "paid",
        max_tokens: 600,
        stream: true,
        messages: [{ role: "user", content: freshPrompt(40).content }],
      };
      const message = await other.post("/v1/messages", body);
      assert.doesNotMatch(message.text, /message_stop|message_delta/);
    });
  }

  test("that are overloaded, refuse or know no such key are told as what they are", async () => {
    other.first.script({ kind: "status", status: 529 });
    assert.equal((await other.chat("x")).status, 503);
    other.first.script({ kind: "status", status: 401 });
    assert.equal((await other.chat("x")).status, 502);
    other.first.script({ kind: "status", status: 400, message: "prompt is too long: 9 > 8" });
    const long = await other.chat("x");
    assert.equal(long.status, 400);
    assert.match(long.text, /context_length_exceeded/);
  });
});

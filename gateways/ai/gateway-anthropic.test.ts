import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { type HttpAnswer, httpRequest } from "@tandem/libs/testing";
import {
  type ErrorBody,
  eventsOf,
  type Message,
  textOf,
  weatherTool,
} from "./testing/anthropic-answer.ts";
import { until } from "./testing/fake-platform.ts";
import { freshPrompt, type GatewayBench, openBench, price } from "./testing/gateway-bench.ts";

let bench: GatewayBench;

before(async () => {
  bench = await openBench({ timeouts: { idleTimeoutMs: 500 } });
});
after(() => bench.close());

function ask(content: string, part: object = {}, headers: Readonly<Record<string, string>> = {}) {
  const messages = [{ role: "user", content }];
  const body = { model: "paid", max_tokens: 600, messages, ...part };
  return bench.post("/v1/messages", body, { "anthropic-version": "2023-06-01", ...headers });
}

describe("Anthropic's Messages", () => {
  test("a whole answer is a message with the engine's words, usage without the cached, and a price", async () => {
    const { content, expected } = freshPrompt();
    const answer = await ask(content);
    assert.equal(answer.status, 200, answer.text);
    const message = answer.json as Message;
    assert.match(message.id, /^msg_/);
    assert.equal(message.type, "message");
    assert.equal(message.model, "paid");
    assert.deepEqual(message.content, [{ type: "text", text: expected }]);
    assert.equal(message.stop_reason, "end_turn");
    assert.equal(message.usage["cache_read_input_tokens"], 2);
    assert.equal(message.usage["output_tokens"], 16);
    const asked = bench.first.calls.at(-1)?.question?.promptTokens ?? 0;
    assert.equal(message.usage["input_tokens"], asked - 2);
    assert.match(String(answer.headers["x-tandem-cost"]), /^0\.\d+ USD$/);
    assert.equal(answer.headers["anthropic-organization-id"], "org_main");
    assert.equal(answer.headers["request-id"], answer.headers["x-request-id"]);
  });

  test("a stream has Anthropic's events in their order, the same words, usage and charge", async () => {
    const { content, expected } = freshPrompt(40);
    const answer = await ask(content, { stream: true });
    assert.match(String(answer.headers["content-type"]), /^text\/event-stream/);
    const events = eventsOf(answer);
    const names = events.map(({ name }) => name);
    assert.ok(events.every(({ name, data }) => name === data.type));
    assert.deepEqual(
      [names[0], names[1], ...names.slice(-3)],
      [
        "message_start",
        "content_block_start",
        "content_block_stop",
        "message_delta",
        "message_stop",
      ],
    );
    assert.ok(names.slice(2, -3).every((name) => name === "content_block_delta"));
    assert.equal(textOf(events), expected);
    const end = events.at(-2)?.data as unknown as Pick<Message, "usage"> & { delta: object };
    assert.deepEqual(end.delta, { stop_reason: "end_turn", stop_sequence: null });
    assert.equal(end.usage["output_tokens"], 40);
    const whole = (await ask(content)).json as Message;
    assert.equal(whole.usage["input_tokens"], end.usage["input_tokens"]);
    assert.deepEqual(
      (whole.usage["x_tandem"] as { cost: string }).cost,
      (end.usage["x_tandem"] as { cost: string }).cost,
    );
  });

  test("a tool is asked for, and its result answered, whole and streamed alike", async () => {
    const { content } = freshPrompt();
    const question = `${content}: ask weather`;
    const whole = (await ask(question, { tools: [weatherTool] })).json as Message;
    assert.equal(whole.stop_reason, "tool_use");
    const [use] = whole.content;
    assert.equal(use?.type, "tool_use");
    assert.equal(use?.["name"], "weather");
    const events = eventsOf(await ask(question, { tools: [weatherTool], stream: true }));
    const start = events.find(({ name }) => name === "content_block_start")?.data;
    assert.deepEqual(start?.["content_block"], { ...use, input: {} });
    const json = events
      .map(({ data }) => (data["delta"] as { partial_json?: string })?.partial_json ?? "")
      .join("");
    assert.deepEqual(JSON.parse(json), use?.["input"]);
    const answer = await ask("", {
      tools: [weatherTool],
      messages: [
        { role: "user", content: question },
        { role: "assistant", content: whole.content },
        {
          role: "user",
          content: [
            { type: "tool_result", tool_use_id: use?.["id"], content: "sunny" },
            { type: "text", text: "Go on." },
          ],
        },
      ],
    });
    assert.equal(answer.status, 200, answer.text);
    const sent = bench.first.calls.at(-1)?.body as { messages: { role: string }[] };
    assert.deepEqual(
      sent.messages.map(({ role }) => role),
      ["user", "assistant", "tool", "user"],
    );
  });

  test("a last turn of the assistant is continued", async () => {
    const { content, expected } = freshPrompt();
    const answer = await ask("", {
      messages: [
        { role: "user", content },
        { role: "assistant", content: expected.slice(0, 10) },
      ],
    });
    assert.equal(answer.status, 200, answer.text);
    assert.equal((answer.json as Message).content[0]?.["text"], expected.slice(10));
  });

  test("what has no effect is told, and what would mean something else is refused", async () => {
    const { content } = freshPrompt();
    const told = await ask(content, { service_tier: "auto", some_news: 1 });
    assert.equal(told.headers["x-tandem-ignored"], "service_tier, some_news");
    const refusals: readonly (readonly [part: object, words: RegExp])[] = [
      [{ mcp_servers: [{}] }, /mcp_servers/],
      [{ tools: [{ type: "web_search_20250305", name: "web_search" }] }, /Anthropic's own/],
      [{ messages: [{ role: "user", content: [{ type: "odd" }] }] }, /unknown block/],
      [{ messages: [] }, /at least one/],
      [{ messages: [{ role: "robot", content: "x" }] }, /role/],
      [{ max_tokens: undefined }, /max_tokens/],
      [{ max_tokens: 0 }, /max_tokens/],
      [{ temperature: 3 }, /temperature/],
      [{ stop_sequences: [1] }, /stop_sequences/],
    ];
    const before = bench.first.calls.length;
    for (const [part, words] of refusals) {
      const answer = await ask(content, part);
      assert.equal(answer.status, 400, JSON.stringify(part));
      const { type, error, request_id } = answer.json as ErrorBody;
      assert.equal(type, "error");
      assert.equal(error.type, "invalid_request_error");
      assert.match(error.message, words);
      assert.match(request_id, /^req_/);
    }
    assert.equal(bench.first.calls.length, before);
  });

  test("images go to models that can see, and are refused for those that cannot", async () => {
    const source = { type: "base64", media_type: "image/png", data: "aGk=" };
    const messages = [{ role: "user", content: [{ type: "image", source }] }];
    const refusal = await ask("", { model: "plain", messages });
    assert.equal(refusal.status, 400);
    assert.match((refusal.json as ErrorBody).error.message, /images/);
    const seen = await ask("", { messages });
    assert.equal(seen.status, 200, seen.text);
    assert.match(bench.first.calls.at(-1)?.bodyText ?? "", /data:image\/png;base64,aGk=/);
  });
});

describe("errors in Anthropic's shape", () => {
  const failing = async (answer: Promise<HttpAnswer>, status: number, type: string) => {
    const { status: given, json, text, headers } = await answer;
    assert.equal(given, status, text);
    assert.equal((json as ErrorBody).error.type, type);
    return { headers, error: (json as ErrorBody).error };
  };

  test("keys, models and money have its types and statuses", async () => {
    const { content } = freshPrompt();
    await failing(ask(content, {}, { authorization: "Bearer sk-no" }), 401, "authentication_error");
    await failing(ask(content, { model: "nobody" }), 404, "not_found_error");
    const poor = bench.platform.addKey({}, 0n);
    const { headers } = await failing(
      ask(content, {}, { authorization: `Bearer ${poor}` }),
      402,
      "billing_error",
    );
    assert.equal(headers["x-should-retry"], "false");
    const long = await failing(ask("word ".repeat(40_000)), 400, "invalid_request_error");
    assert.match(long.error.message, /^prompt is too long/);
  });

  test("the key may stand in `x-api-key` alone", async () => {
    const { content, expected } = freshPrompt();
    const answer = await httpRequest(bench.gateway.address, {
      method: "POST",
      path: "/anthropic/v1/messages",
      headers: { "x-api-key": bench.key },
      body: { model: "free", max_tokens: 99, messages: [{ role: "user", content }] },
    });
    assert.equal((answer.json as Message).content[0]?.["text"], expected);
  });

  test("busy upstreams are overloaded, with a time to come back", async () => {
    const limited = { kind: "status", status: 429, retryAfterSeconds: 3 } as const;
    bench.first.always(limited);
    bench.second.always(limited);
    const { headers } = await failing(ask(freshPrompt().content), 529, "overloaded_error");
    assert.equal(headers["retry-after"], "3");
    bench.first.always({ kind: "status", status: 500 });
    bench.second.always({ kind: "status", status: 500 });
    await failing(ask(freshPrompt().content), 502, "api_error");
    bench.first.always(undefined);
    bench.second.always(undefined);
  });

  test("a rate limit has Anthropic's fields, with a moment instead of a duration", async () => {
    const { limits } = bench.platform.quota;
    limits.push({ id: "lim_1", kind: "requests", limit: 2, left: 2 });
    const key = bench.platform.addKey({ organisationId: "org_limited" });
    const headers = { authorization: `Bearer ${key}` };
    const first = await ask(freshPrompt().content, {}, headers);
    assert.equal(first.headers["anthropic-ratelimit-requests-limit"], "2");
    assert.match(
      String(first.headers["anthropic-ratelimit-requests-reset"]),
      /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/,
    );
    await ask(freshPrompt().content, {}, headers);
    const refused = await failing(ask(freshPrompt().content, {}, headers), 429, "rate_limit_error");
    assert.equal(refused.headers["anthropic-ratelimit-requests-remaining"], "0");
    assert.ok(Number(refused.headers["retry-after"]) >= 1);
    limits.length = 0;
  });

  test("paths that are not there are told in the same shape", async () => {
    const missing = await bench.get("/anthropic/v1/nothing");
    assert.equal(missing.status, 404);
    assert.equal((missing.json as ErrorBody).error.type, "not_found_error");
    assert.equal((await bench.get("/v1/messages")).status, 405);
  });
});

describe("a stream that breaks", () => {
  for (const fault of [
    { kind: "stop-short", afterEvents: 6 },
    { kind: "stream-error", afterEvents: 6 },
    { kind: "cut", atByte: 2_500, how: "reset" },
    { kind: "cut", atByte: 2_500, how: "end" },
    { kind: "cut", atByte: 2_500, how: "stall" },
  ] as const) {
    test(`ends with an error event and a broken connection: ${JSON.stringify(fault)}`, async () => {
      // One of its own: what breaks here is put aside for a while.
      const breaking = await openBench({
        timeouts: { idleTimeoutMs: 500 },
        engine: { tokensPerSecond: 100 },
      });
      try {
        // Nobody else has the model, so nobody can go on.
        const targets = [{ upstream: "one", model: "mock-1", order: 1 }];
        breaking.platform.setModels([{ id: "alone", targets }], [{ ...price, model: "alone" }]);
        breaking.first.script(fault);
        const body = {
          ...{ model: "alone", max_tokens: 600, stream: true },
          messages: [{ role: "user", content: freshPrompt(40).content }],
        };
        const isKnown = async () => (await breaking.get("/v1/models/alone")).status === 200;
        while (!(await isKnown()));
        const answer = await breaking.post("/v1/messages", body);
        assert.equal(answer.status, 200);
        assert.ok(answer.wasCut, "the connection is cut");
        const events = eventsOf(answer);
        assert.equal(events.at(-1)?.name, "error");
        const last = events.at(-1)?.data as unknown as ErrorBody | undefined;
        assert.equal(last?.error.type, "api_error");
        assert.ok(!events.some(({ name }) => name === "message_delta" || name === "message_stop"));
        const id = String(answer.headers["request-id"]);
        const { ledger } = breaking.platform.quota;
        await until(() => ledger.has(id));
        assert.equal(ledger.get(id)?.outcome, "partial");
      } finally {
        await breaking.close();
      }
    });
  }
});

describe("beside generation", () => {
  test("models are listed in Anthropic's form to whoever speaks it", async () => {
    const list = await bench.get("/v1/models", { "anthropic-version": "2023-06-01" });
    const { data, has_more } = list.json as { data: { type: string }[]; has_more: boolean };
    const plain = (await bench.get("/v1/models")).json as { data: object[] };
    assert.equal(data.length, plain.data.length);
    assert.ok(data.every(({ type }) => type === "model"));
    assert.equal(has_more, false);
    const one = await bench.get("/anthropic/v1/models/paid");
    assert.equal((one.json as { display_name: string }).display_name, "paid");
  });

  test("tokens are counted, tools and images too, and nothing is charged", async () => {
    const settled = bench.platform.quota.ledger.size;
    const count = async (part: object): Promise<number> => {
      const messages = [{ role: "user", content: "Bonjour" }];
      const body = { model: "paid", messages, ...part };
      const answer = await bench.post("/v1/messages/count_tokens", body);
      assert.equal(answer.status, 200, answer.text);
      return (answer.json as { input_tokens: number }).input_tokens;
    };
    assert.equal(await count({}), 20);
    const source = { type: "url", url: "https://example.com/a.png" };
    const image = { role: "user", content: [{ type: "image", source }] };
    assert.equal(await count({ messages: [image] }), 1_620);
    const unknown = await bench.post("/v1/messages/count_tokens", {
      model: "nobody",
      messages: [{ role: "user", content: "x" }],
    });
    assert.equal(unknown.status, 404);
    assert.equal(bench.platform.quota.ledger.size, settled);
  });
});

import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { writeRandomModel } from "./test-fixtures/random-gguf.ts";
import { ensureRuntime } from "./test-fixtures/runtime.ts";
import { eventsOf, startTestEngine, type TestEngine } from "./test-fixtures/test-engine.ts";

interface Event {
  readonly object: string;
  readonly usage?: Record<string, unknown>;
  readonly choices: readonly {
    readonly text?: string;
    readonly delta?: { readonly role?: string; readonly content: string };
    readonly finish_reason: string | null;
  }[];
}

let directory: string;
let engine: TestEngine;

before(async () => {
  await ensureRuntime();
  directory = await mkdtemp(join(tmpdir(), "tandem-models-"));
  const path = (name: string): string => join(directory, `${name}.gguf`);
  await writeRandomModel(path("random"), { contextTokens: 512 });
  await writeRandomModel(path("gaps"), { infill: true, seed: 3 });
  await writeRandomModel(path("plain"), { template: "" });
  await writeRandomModel(path("separate"), { separate: true, seed: 2 });
  await writeFile(path("broken"), "no model at all");
  const models = ["random", "gaps", "plain", "separate", "broken"].map((id) => ({
    id,
    path: path(id),
  }));
  engine = await startTestEngine({ models, answer_tokens: 40, queue_limit: 2 });
  for (const id of ["random", "gaps", "plain", "separate", "all-minilm-l6-v2"])
    await engine.ready(id);
});
after(async () => {
  await engine.close();
  await rm(directory, { recursive: true, force: true });
});

const messages = [{ role: "user", content: "Bonjour, two riders" }] as const;

function chat(body: object, headers: Record<string, string> = {}) {
  const whole = { model: "random", temperature: 0, messages, ...body };
  return engine.call("POST", "/v1/chat/completions", { body: whole, headers });
}

async function textOf(body: object): Promise<string> {
  const { json, text, status } = await chat(body);
  assert.equal(status, 200, text);
  return json.choices[0].message.content;
}

describe("whole answers and streams", () => {
  test("a stream says what the whole answer says, role first, usage and [DONE] last", async () => {
    const whole = (await chat({})).json;
    const reply = await chat({ stream: true });
    assert.match(reply.headers["content-type"] ?? "", /^text\/event-stream/);
    const events = eventsOf(reply.text);
    assert.equal(events.at(-1), "[DONE]");
    const chunks = events.slice(0, -1) as Event[];
    assert.equal(chunks[0]?.choices[0]?.delta?.role, "assistant");
    const text = chunks.map((chunk) => chunk.choices[0]?.delta?.content ?? "").join("");
    assert.equal(text, whole.choices[0].message.content);
    assert.ok(chunks.every(({ object }) => object === "chat.completion.chunk"));
    assert.equal(chunks.at(-1)?.choices[0]?.finish_reason, "length");
    assert.equal(chunks.at(-1)?.usage?.["completion_tokens"], 40);
    assert.equal(whole.object, "chat.completion");
  });

  test("tokens are counted, and the part found in the prefix is told", async () => {
    const own = [{ role: "user", content: `counted ${"over and over ".repeat(5)}` }];
    const first = (await chat({ messages: own, max_tokens: 7 })).json.usage;
    assert.equal(first.completion_tokens, 7);
    assert.equal(first.total_tokens, first.prompt_tokens + 7);
    const again = (await chat({ messages: own, max_tokens: 7 })).json.usage;
    assert.equal(again.prompt_tokens, first.prompt_tokens);
    assert.equal(again.prompt_tokens_details.cached_tokens, first.prompt_tokens - 1);
    assert.equal(
      again.prompt_cache_hit_tokens + again.prompt_cache_miss_tokens,
      again.prompt_tokens,
    );
  });

  test("a stop string ends the answer before itself, in whole and in stream", async () => {
    const whole = await textOf({});
    const stop = whole.slice(9, 12);
    const expected = whole.slice(0, whole.indexOf(stop));
    const { json } = await chat({ stop: [stop, "never this"] });
    assert.equal(json.choices[0].message.content, expected);
    assert.equal(json.choices[0].finish_reason, "stop");
    const chunks = eventsOf((await chat({ stop, stream: true })).text).slice(0, -1) as Event[];
    assert.equal(chunks.map((chunk) => chunk.choices[0]?.delta?.content ?? "").join(""), expected);
  });

  test("one seed gives one answer, another seed another one", async () => {
    const drawn = (seed: number) => textOf({ temperature: 1, seed });
    assert.equal(await drawn(5), await drawn(5));
    assert.notEqual(await drawn(5), await drawn(6));
  });

  test("a text completion goes on from the prompt and echoes it when asked", async () => {
    const body = { model: "random", prompt: "two riders", temperature: 0, max_tokens: 8 };
    const plain = (await engine.call("POST", "/v1/completions", { body })).json;
    assert.equal(plain.object, "text_completion");
    const echo = { ...body, echo: true, stream: true };
    const { text } = await engine.call("POST", "/v1/completions", { body: echo });
    const chunks = eventsOf(text).slice(0, -1) as Event[];
    const echoed = chunks.map((chunk) => chunk.choices[0]?.text ?? "").join("");
    assert.equal(echoed, `two riders${plain.choices[0].text}`);
  });

  test("the likeliest tokens are told with the one that was drawn", async () => {
    const { json } = await chat({ logprobs: true, top_logprobs: 3, max_tokens: 5 });
    const entries = json.choices[0].logprobs.content;
    assert.equal(entries.map(({ token }) => token).join(""), json.choices[0].message.content);
    for (const { token, logprob, top_logprobs: top } of entries) {
      assert.equal(top.length, 3);
      assert.equal(top[0]?.token, token);
      assert.equal(top[0]?.logprob, logprob);
      assert.ok(logprob < 0 && (top[1]?.logprob ?? 0) <= logprob);
      const sum = top.reduce((total, rival) => total + Math.exp(rival.logprob), 0);
      assert.ok(sum > 0 && sum <= 1.0001, `${sum}`);
    }
  });
});

describe("continuations", () => {
  const prefixed = (content: string, more: object = {}) =>
    textOf({ messages: [...messages, { role: "assistant", content, prefix: true }], ...more });

  test("from every place of an answer the rest comes out exactly, greedy and sampled", async () => {
    for (const sampling of [{}, { temperature: 1, seed: 11 }, { repetition_penalty: 1.3 }]) {
      const whole = await textOf({ ...sampling, max_tokens: 30 });
      for (let cut = 1; cut < whole.length; cut += 1) {
        const rest = await prefixed(whole.slice(0, cut), { ...sampling, max_tokens: 30 });
        assert.ok(rest.startsWith(whole.slice(cut)), `cut at ${cut}: ${rest}`);
      }
    }
  });

  test("vLLM's way of asking is understood too", async () => {
    const whole = await textOf({ max_tokens: 30 });
    const open = { role: "assistant", content: whole.slice(0, 10) };
    const flags = { continue_final_message: true, add_generation_prompt: false };
    const rest = await textOf({ messages: [...messages, open], ...flags, max_tokens: 30 });
    assert.ok(rest.startsWith(whole.slice(10)));
  });

  test("a JSON answer is continued inside its grammar", async () => {
    const schema = {
      type: "object",
      properties: { word: { type: "string", maxLength: 9 }, sure: { type: "boolean" } },
    };
    const format = {
      response_format: { type: "json_schema", json_schema: { schema } },
      max_tokens: 60,
    };
    const whole = await textOf(format);
    JSON.parse(whole);
    for (let cut = 1; cut <= whole.length; cut += 3) {
      const prefix = whole.slice(0, cut);
      assert.equal(prefix + (await prefixed(prefix, format)), whole, `cut at ${cut}`);
    }
    const refused = await chat({
      ...format,
      messages: [...messages, { role: "assistant", content: "```", prefix: true }],
    });
    assert.equal(refused.json.error.code, "engine.bad_request");
  });

  test("another engine that remembers nothing continues exactly too", async () => {
    const models = [{ id: "separate", path: join(directory, "separate.gguf") }];
    for (const sampling of [{}, { temperature: 1, seed: 4 }]) {
      const own = { ...sampling, model: "separate", max_tokens: 30 };
      const whole = await textOf(own);
      const other = await startTestEngine({ models });
      await other.ready("separate");
      for (let cut = 1; cut < whole.length; cut += 1) {
        const open = { role: "assistant", content: whole.slice(0, cut), prefix: true };
        const body = { temperature: 0, ...own, messages: [...messages, open] };
        const { json } = await other.call("POST", "/v1/chat/completions", { body });
        const rest = json.choices[0].message.content;
        assert.ok(rest.startsWith(whole.slice(cut)), `cut at ${cut}: ${rest}`);
        assert.equal(json.usage.completion_tokens, 30);
      }
      await other.close();
    }
  });

  test("a prefix of the caller's own is continued, and not repeated", async () => {
    const rest = await prefixed("the riders the rid");
    assert.ok(rest.length > 0);
    assert.ok(!rest.startsWith("the riders"));
  });
});

describe("answers held to JSON", () => {
  test("a schema is kept", async () => {
    const schema = {
      type: "object",
      properties: { ok: { type: "boolean" }, word: { type: "string", maxLength: 5 } },
      required: ["ok", "word"],
      additionalProperties: false,
    };
    const { json } = await chat({
      response_format: { type: "json_schema", json_schema: { name: "x", schema, strict: true } },
    });
    const value = JSON.parse(json.choices[0].message.content);
    assert.deepEqual(new Set(Object.keys(value)), new Set(["ok", "word"]));
    assert.equal(typeof value.ok, "boolean");
    assert.ok(value.word.length <= 5);
    assert.equal(json.choices[0].finish_reason, "stop");
  });

  test("a schema beyond the grammar is refused by name", async () => {
    const schema = { type: "string", pattern: "^a+$" };
    const reply = await chat({
      response_format: { type: "json_schema", json_schema: { schema } },
    });
    assert.equal(reply.status, 400);
    assert.match(reply.json.error.message, /pattern/);
  });
});

describe("gaps", () => {
  const complete = (body: object) => engine.call("POST", "/v1/completions", { body });

  test("a model with the tokens fills a gap, one without refuses", async () => {
    const gap = { prompt: "a(", suffix: ")", max_tokens: 4, temperature: 0 };
    const filled = await complete({ model: "gaps", ...gap });
    assert.equal(filled.status, 200);
    assert.equal(filled.json.usage.completion_tokens, 4);
    const refused = await complete({ model: "random", ...gap });
    assert.equal(refused.status, 400);
    assert.equal(refused.json.error.code, "engine.unsupported");
  });

  test("tokens may be given instead of text; unknown ones never reach the model", async () => {
    const good = await complete({ model: "random", prompt: [65, 66], max_tokens: 2 });
    assert.equal(good.status, 200);
    const bad = await complete({ model: "random", prompt: [65, 99_999], max_tokens: 2 });
    assert.equal(bad.status, 400);
  });
});

describe("bad input", () => {
  const refusals: readonly (readonly [name: string, body: object | string, reason: string])[] = [
    ["no JSON", "{", "bad_request"],
    ["depth 100,000", `${"[".repeat(100_000)}${"]".repeat(100_000)}`, "bad_request"],
    ["a list", "[]", "bad_request"],
    ["no messages", { model: "random", messages: [] }, "bad_request"],
    ["a model unknown", { model: "nobody", messages }, "model_unknown"],
    ["an encoder to chat", { model: "all-minilm-l6-v2", messages }, "model_unknown"],
    ["zero tokens", { model: "random", messages, max_tokens: 0 }, "bad_request"],
    ["a temperature of 9", { model: "random", messages, temperature: 9 }, "bad_request"],
    ["two choices", { model: "random", messages, n: 2 }, "unsupported"],
    ["an image", { model: "random", messages: [image()] }, "unsupported"],
    ["a forced tool", { model: "random", messages, ...forcedTool() }, "unsupported"],
    ["no chat template", { model: "plain", messages }, "unsupported"],
    ["too much", { model: "random", messages: [long()] }, "context_overflow"],
    ["a broken model", { model: "broken", messages }, "model_failed"],
  ];
  for (const [name, body, reason] of refusals) {
    test(`${name} is refused with its reason, and the engine goes on`, async () => {
      const reply = await engine.call("POST", "/v1/chat/completions", { body });
      assert.equal(reply.json.error.code, `engine.${reason}`, reply.text);
      assert.ok(reply.status >= 400 && reply.status <= 503);
      assert.equal((await chat({ max_tokens: 1 })).status, 200);
    });
  }

  test("a body over the limit is refused", async () => {
    const body = "x".repeat(5 * 1024 * 1024);
    const reply = await engine.call("POST", "/v1/chat/completions", { body });
    assert.equal(reply.status, 413);
  });

  test("an unknown path is 404, a huge max_tokens ends with the context", async () => {
    assert.equal((await engine.call("GET", "/v2/nothing")).status, 404);
    const { json } = await chat({ max_tokens: 2 ** 40, temperature: 1, seed: 1 });
    assert.equal(json.choices[0].finish_reason, "length");
    assert.equal(json.usage.total_tokens, 511);
  });

  test("what a user types never closes his turn", async () => {
    const plain = (await chat({ max_tokens: 1 })).json.usage.prompt_tokens;
    const typed = [{ role: "user", content: `${messages[0].content}<|im_end|>` }];
    const { prompt_tokens: tokens } = (await chat({ messages: typed, max_tokens: 1 })).json.usage;
    assert.equal(tokens, plain + "<|im_end|>".length, "read as letters, not as the mark");
  });
});

function image() {
  return { role: "user", content: [{ type: "image_url", image_url: { url: "x" } }] };
}

function long() {
  return { role: "user", content: "word ".repeat(600) };
}

function forcedTool() {
  return { tools: [{ type: "function", function: { name: "f" } }], tool_choice: "required" };
}

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { type HttpAnswer, httpRequest } from "@tandem/libs/testing";
import { until } from "./testing/fake-platform.ts";
import {
  errorIn,
  freshPrompt,
  type GatewayBench,
  openBench,
  price,
} from "./testing/gateway-bench.ts";

let bench: GatewayBench;

before(async () => {
  bench = await openBench();
});
after(() => bench.close());

type Json = Readonly<Record<string, unknown>>;

interface Response {
  readonly id: string;
  readonly status: string;
  readonly output: readonly (Json & { readonly type: string })[];
  readonly usage: Json;
}

interface StreamEvent {
  readonly name: string;
  readonly data: Json & { readonly type: string; readonly sequence_number: number };
}

function ask(input: unknown, part: object = {}): Promise<HttpAnswer> {
  return bench.post("/v1/responses", { model: "paid", input, max_output_tokens: 600, ...part });
}

function forget(path: string): Promise<HttpAnswer> {
  const headers = { authorization: `Bearer ${bench.key}` };
  return httpRequest(bench.gateway.address, { method: "DELETE", path, headers });
}

function eventsOf({ text }: HttpAnswer): StreamEvent[] {
  return text
    .split("\n\n")
    .filter((block) => block !== "" && !block.startsWith(":"))
    .map((block) => {
      const [first = "", second = ""] = block.split("\n");
      return { name: first.slice("event: ".length), data: JSON.parse(second.slice(6)) };
    });
}

function textIn({ output }: Response): string {
  const [item] = output.filter(({ type }) => type === "message");
  return (item?.["content"] as { text: string }[] | undefined)?.[0]?.text ?? "";
}

const tool = {
  type: "function",
  name: "weather",
  parameters: {
    type: "object",
    properties: { city: { type: "string" } },
    required: ["city"],
  },
};

describe("OpenAI's Responses", () => {
  test("a whole answer is a response with the engine's words, usage and what was asked", async () => {
    const { content, expected } = freshPrompt();
    const answer = await ask(content, { metadata: { a: "b" } });
    assert.equal(answer.status, 200, answer.text);
    const response = answer.json as Response & { metadata: Json; object: string };
    assert.equal(response.id, String(answer.headers["x-request-id"]).replace("req_", "resp_"));
    assert.equal(response.object, "response");
    assert.equal(response.status, "completed");
    assert.equal(textIn(response), expected);
    assert.deepEqual(response.usage["input_tokens_details"], { cached_tokens: 2 });
    assert.equal(response.usage["output_tokens"], 16);
    assert.deepEqual(response.metadata, { a: "b" });
  });

  test("a stream has named events with rising numbers, and ends with what a whole answer is", async () => {
    const { content, expected } = freshPrompt(30);
    const events = eventsOf(await ask(content, { stream: true }));
    assert.ok(
      events.every(({ name, data }, at) => name === data.type && data.sequence_number === at),
    );
    const names = events.map(({ name }) => name);
    assert.deepEqual(names.slice(0, 4), [
      "response.created",
      "response.in_progress",
      "response.output_item.added",
      "response.content_part.added",
    ]);
    assert.deepEqual(names.slice(-4), [
      "response.output_text.done",
      "response.content_part.done",
      "response.output_item.done",
      "response.completed",
    ]);
    const deltas = events.filter(({ name }) => name === "response.output_text.delta");
    assert.equal(deltas.map(({ data }) => data["delta"]).join(""), expected);
    const streamed = events.at(-1)?.data["response"] as Response;
    const whole = (await ask(content)).json as Response;
    assert.equal(textIn(streamed), textIn(whole));
    assert.deepEqual(streamed.usage, whole.usage);
  });

  test("tools are called and answered, and custom ones as what they are", async () => {
    const { content } = freshPrompt();
    const question = `${content}: ask weather`;
    const first = (await ask(question, { tools: [tool] })).json as Response;
    const [call] = first.output;
    assert.equal(call?.type, "function_call");
    assert.equal(call?.["name"], "weather");
    const events = eventsOf(await ask(question, { tools: [tool], stream: true }));
    const done = events.find(({ name }) => name === "response.output_item.done")?.data;
    const item = done?.["item"] as Json;
    assert.equal(item["arguments"], call?.["arguments"]);
    assert.equal(item["call_id"], call?.["call_id"]);
    const input = [
      { role: "user", content: question },
      call,
      { type: "function_call_output", call_id: call?.["call_id"], output: "sunny" },
    ];
    const next = await ask(input, { tools: [tool] });
    assert.equal(next.status, 200, next.text);
    const sent = bench.first.calls.at(-1)?.body as { messages: { role: string }[] };
    assert.deepEqual(
      sent.messages.map(({ role }) => role),
      ["user", "assistant", "tool"],
    );
    const custom = { type: "custom", name: "apply_patch" };
    const patch = (await ask(`${content}: apply_patch`, { tools: [custom] })).json as Response;
    assert.equal(patch.output[0]?.type, "custom_tool_call");
    assert.equal(typeof patch.output[0]?.["input"], "string");
  });

  test("a tool of a namespace is the model's by one name, and the client's by both words", async () => {
    const { content } = freshPrompt();
    const group = {
      type: "namespace",
      name: "mcp__sky",
      description: "Of the sky.",
      tools: [tool],
    };
    const asked = `${content}: mcp__sky__${tool.name}`;
    const called = (await ask(asked, { tools: [group] })).json as Response;
    const [call] = called.output;
    assert.deepEqual(
      [call?.type, call?.["namespace"], call?.["name"]],
      ["function_call", "mcp__sky", tool.name],
    );
    const sent = bench.first.calls.at(-1)?.body as {
      readonly tools: readonly { function: { description: string } }[];
    };
    assert.match(sent.tools[0]?.function.description ?? "", /^Of the sky\./);
    const result = { type: "function_call_output", call_id: call?.["call_id"], output: "blue" };
    await ask([{ role: "user", content }, call, result], { tools: [group] });
    const told = bench.first.calls.at(-1)?.body as {
      readonly messages: readonly { tool_calls?: readonly { function: { name: string } }[] }[];
    };
    const [first] = told.messages[1]?.tool_calls ?? [];
    assert.equal(first?.function.name, `mcp__sky__${tool.name}`);
    const streamed = await ask(asked, { tools: [group], stream: true });
    assert.match(streamed.text, /response\.completed/);
    assert.match(streamed.text, /"namespace":"mcp__sky"/);
    assert.doesNotMatch(streamed.text, /"name":"mcp__sky__/);
  });

  test("what Codex always sends passes, and what has no effect is told", async () => {
    const { content, expected } = freshPrompt();
    const answer = await ask(
      [{ type: "message", role: "user", content: [{ type: "input_text", text: content }] }],
      {
        instructions: "Be short.",
        tools: [tool, { type: "local_shell" }, { type: "web_search" }],
        tool_choice: "auto",
        parallel_tool_calls: false,
        reasoning: { effort: "medium", summary: "auto" },
        store: false,
        include: ["reasoning.encrypted_content"],
        prompt_cache_key: "k",
        client_metadata: { a: 1 },
      },
    );
    assert.equal(answer.status, 200, answer.text);
    assert.notEqual(textIn(answer.json as Response), expected, "instructions are part of it");
    const told = String(answer.headers["x-tandem-ignored"]);
    for (const name of [
      "include",
      "prompt_cache_key",
      "tools[].local_shell",
      "tools[].web_search",
    ]) {
      assert.ok(told.includes(name), told);
    }
  });

  test("an answer cut short is incomplete, and one that is refused has OpenAI's error", async () => {
    const short = (await ask(freshPrompt().content, { max_output_tokens: 3 })).json as Response & {
      incomplete_details: Json;
    };
    assert.equal(short.status, "incomplete");
    assert.deepEqual(short.incomplete_details, { reason: "max_output_tokens" });
    for (const [part, status, words] of [
      [{ background: true, store: false }, 400, /background/],
      [{ input: [{ type: "image_generation_call" }] }, 400, /not supported/],
      [{ max_output_tokens: -1 }, 422, /max_output_tokens/],
      [{ model: "nobody" }, 400, /nobody/],
      [{ previous_response_id: "resp_nothing" }, 400, /previous response/],
    ] as const) {
      const answer = await ask("x", part);
      assert.equal(answer.status, status, answer.text);
      assert.match(errorIn(answer).message, words);
    }
  });
});

describe("kept responses", () => {
  test("go on where they were, streamed or whole, with new instructions and their own price", async () => {
    const { content } = freshPrompt();
    const stream = eventsOf(await ask(content, { stream: true, instructions: "One." }));
    const first = stream.at(-1)?.data["response"] as Response;
    const second = await ask("And then?", {
      previous_response_id: first.id,
      instructions: "Two.",
    });
    assert.equal(second.status, 200, second.text);
    const sent = bench.first.calls.at(-1)?.body as {
      messages: { role: string; content: string }[];
    };
    assert.deepEqual(
      sent.messages.map(({ role, content: said }) => [role, said]),
      [
        ["system", "Two."],
        ["user", content],
        ["assistant", textIn(first)],
        ["user", "And then?"],
      ],
    );
    const third = await ask("Once more", {
      previous_response_id: (second.json as Response).id,
    });
    assert.equal(third.status, 200, third.text);
    const all = bench.first.calls.at(-1)?.body as { messages: object[] };
    assert.equal(all.messages.length, 5);
    const id = String(third.headers["x-request-id"]);
    await until(() => bench.platform.quota.ledger.has(id));
    const settled = bench.platform.quota.ledger.get(id);
    assert.ok((settled?.chargedNanos ?? 0n) <= (settled?.reservedNanos ?? 0n));
  });

  test("are read, listed, forgotten, and nobody else's", async () => {
    const told = await ask(freshPrompt().content);
    const { id } = told.json as Response;
    const read = await bench.get(`/v1/responses/${id}`);
    assert.deepEqual(read.json, told.json);
    const items = await bench.get(`/v1/responses/${id}/input_items`);
    assert.equal((items.json as { data: object[] }).data.length, 1);
    const stranger = bench.platform.addKey({ organisationId: "org_other" });
    const theirs = await bench.get(`/v1/responses/${id}`, { authorization: `Bearer ${stranger}` });
    assert.equal(theirs.status, 404);
    assert.equal((await bench.post(`/v1/responses/${id}/cancel`, {})).status, 400);
    const gone = await forget(`/v1/responses/${id}`);
    assert.deepEqual(gone.json, { id, object: "response", deleted: true });
    assert.equal((await bench.get(`/v1/responses/${id}`)).status, 404);
    assert.equal((await forget(`/v1/responses/${id}`)).status, 404);
  });

  test("are none where they were not wanted, or not complete", async () => {
    const { id } = (await ask(freshPrompt().content, { store: false })).json as Response;
    assert.equal((await bench.get(`/v1/responses/${id}`)).status, 404);
  });
});

test("a stream that breaks fails by name, is cut, and is not kept", async () => {
  const breaking = await openBench({
    timeouts: { idleTimeoutMs: 500 },
    engine: { tokensPerSecond: 400 },
  });
  try {
    const targets = [{ upstream: "one", model: "mock-1", order: 1 }];
    breaking.platform.setModels([{ id: "alone", targets }], [{ ...price, model: "alone" }]);
    const isKnown = async () => (await breaking.get("/v1/models/alone")).status === 200;
    while (!(await isKnown()));
    breaking.first.script({ kind: "stop-short", afterEvents: 6 });
    const body = { model: "alone", input: freshPrompt(40).content, stream: true };
    const answer = await breaking.post("/v1/responses", body);
    assert.ok(answer.wasCut);
    const names = eventsOf(answer).map(({ name }) => name);
    assert.deepEqual(names.slice(-2), ["response.failed", "error"]);
    assert.ok(!names.includes("response.completed"));
    const id = String(answer.headers["x-request-id"]).replace("req_", "resp_");
    assert.equal((await breaking.get(`/v1/responses/${id}`)).status, 404);
  } finally {
    await breaking.close();
  }
});

test("moderation is refused clearly", async () => {
  const answer = await bench.post("/v1/moderations", { input: "x" });
  assert.equal(answer.status, 404);
  assert.equal(errorIn(answer).code, "moderations_unavailable");
});

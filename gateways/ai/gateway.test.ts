import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { Replica } from "@tandem/libs/service";
import {
  type HttpAnswer,
  httpRequest,
  type MockEngine,
  mockEngine,
  promptHashOf,
  referenceText,
  textOfStream,
  textOfWhole,
} from "@tandem/libs/testing";
import { FakePlatform, until } from "./testing/fake-platform.ts";

let platform: FakePlatform;
let gateway: Replica;
let engine: MockEngine;
let other: MockEngine;
let key: string;

before(async () => {
  engine = await mockEngine({ cachedTokens: 2 });
  other = await mockEngine({ cachedTokens: 2 });
  platform = new FakePlatform();
  platform.setUpstreams([
    { name: "one", baseUrl: engine.baseUrl },
    { name: "two", baseUrl: other.baseUrl },
  ]);
  platform.setModels(
    [
      {
        id: "paid",
        targets: [
          { upstream: "one", model: "mock-1", order: 1 },
          { upstream: "two", model: "mock-1", order: 2 },
        ],
      },
      { id: "free", targets: [{ upstream: "one", model: "mock-1" }] },
    ],
    [
      {
        id: "prc_1",
        model: "paid",
        currency: "USD",
        inputNanos: 1_000_000_000n,
        cachedInputNanos: 100_000_000n,
        outputNanos: 2_000_000_000n,
        upstreamInputNanos: 500_000_000n,
      },
    ],
  );
  await platform.start();
  gateway = await platform.startGateway();
  key = platform.addKey();
});

after(async () => {
  await gateway.close({ deadlineMs: 1_000 });
  await platform.close();
  await engine.close();
  await other.close();
});

let prompts = 0;

function prompt(tokens = 16): { content: string; expected: string } {
  prompts += 1;
  const content = `gateway test ${prompts} tokens=${tokens}`;
  return {
    content,
    expected: referenceText(promptHashOf([{ role: "user", text: content }]), tokens),
  };
}

function post(
  path: string,
  body: object | string | Buffer,
  headers: Record<string, string> = {},
): Promise<HttpAnswer> {
  return httpRequest(gateway.address, {
    method: "POST",
    path,
    body,
    headers: { authorization: `Bearer ${key}`, ...headers },
  });
}

function chat(
  content: string,
  part: object = {},
  headers: Record<string, string> = {},
): Promise<HttpAnswer> {
  return post(
    "/v1/chat/completions",
    { model: "paid", messages: [{ role: "user", content }], ...part },
    headers,
  );
}

describe("a request that goes well", () => {
  test("is answered with the engine's words, our model name, usage in every client's form, and its cost", async () => {
    const { content, expected } = prompt();
    const answer = await chat(content);
    assert.equal(answer.status, 200, answer.text);
    assert.equal(textOfWhole(answer.text), expected);
    const body = answer.json as { model: string; object: string; usage: Record<string, unknown> };
    assert.equal(body.model, "paid");
    assert.equal(body.object, "chat.completion");
    assert.equal(body.usage["prompt_cache_hit_tokens"], 2);
    assert.equal(answer.headers["x-tandem-model"], "paid");
    assert.equal(answer.headers["x-tandem-upstream"], "one");
    assert.equal(answer.headers["x-tandem-attempts"], "1");
    assert.match(String(answer.headers["x-tandem-cost"]), /^0\.\d+ USD$/);
    const id = String(answer.headers["x-request-id"]);
    assert.match(id, /^req_/);
    assert.equal(answer.headers["request-id"], id);
    await until(() => platform.quota.ledger.has(id));
    const settled = platform.quota.ledger.get(id);
    assert.equal(settled?.outcome, "complete");
    assert.ok((settled?.chargedNanos ?? 0n) > 0n);
    assert.ok((settled?.chargedNanos ?? 0n) <= (settled?.reservedNanos ?? 0n));
    await until(() => platform.records.some(({ requestId }) => requestId === id));
    const record = platform.records.find(({ requestId }) => requestId === id);
    assert.deepEqual(
      record?.phases.map(({ name }) => name),
      [
        "receive",
        "validate",
        "balance",
        "authenticate",
        "check_quota",
        "look_up_cache",
        "prepare_context",
        "select_model",
        "generate",
        "store_in_cache",
        "record",
        "answer",
      ],
    );
  });

  test("streams the same words, with one end and the usage in its last chunk", async () => {
    const { content, expected } = prompt(40);
    const answer = await chat(content, { stream: true });
    assert.equal(answer.status, 200, answer.text);
    assert.match(String(answer.headers["content-type"]), /^text\/event-stream/);
    assert.equal(textOfStream(answer.text), expected);
    assert.equal(answer.text.split("data: [DONE]").length, 2);
    const events = answer.text.split("\n\n").filter((event) => event.startsWith("data: {"));
    const last = JSON.parse(events.at(-1)?.slice(6) ?? "");
    assert.equal(last.choices[0].finish_reason, "stop");
    assert.equal(last.usage.completion_tokens, 40);
    assert.match(last.usage.x_tandem.cost, /^0\./);
    assert.ok(events.every((event) => !event.includes('"model":"mock-1"')));
  });
});

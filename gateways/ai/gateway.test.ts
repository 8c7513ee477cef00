import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { httpRequest, textOfStream, textOfWhole } from "@tandem/libs/testing";
import { until } from "./testing/fake-platform.ts";
import { errorIn, freshPrompt, type GatewayBench, openBench } from "./testing/gateway-bench.ts";

let bench: GatewayBench;

before(async () => {
  bench = await openBench();
});
after(() => bench.close());

const phases = [
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
];

describe("a request that goes well", () => {
  test("is answered with the engine's words, our model name, every usage field, and its cost", async () => {
    const { content, expected } = freshPrompt();
    const answer = await bench.chat(content);
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
    assert.equal(answer.headers["x-ds-trace-id"], id);
  });

  test("is settled once and its twelve phases can be read afterwards", async () => {
    const answer = await bench.chat(freshPrompt().content);
    const id = String(answer.headers["x-request-id"]);
    const { quota, records } = bench.platform;
    await until(() => quota.ledger.has(id) && records.some(({ requestId }) => requestId === id));
    const settled = quota.ledger.get(id);
    assert.equal(settled?.outcome, "complete");
    assert.ok((settled?.chargedNanos ?? 0n) > 0n);
    assert.ok((settled?.chargedNanos ?? 0n) <= (settled?.reservedNanos ?? 0n));
    const record = records.find(({ requestId }) => requestId === id);
    assert.deepEqual(
      record?.phases.map(({ name }) => name),
      phases,
    );
    assert.ok((record?.phases[8]?.durationMs ?? 0) > 0);
    assert.equal(record?.attempts[0]?.upstream, "one");
    assert.equal(record?.status, 200);
  });

  test("streams the same words, with one end and the usage in its last chunk", async () => {
    const { content, expected } = freshPrompt(40);
    const answer = await bench.chat(content, { stream: true });
    assert.equal(answer.status, 200, answer.text);
    assert.match(String(answer.headers["content-type"]), /^text\/event-stream/);
    assert.equal(textOfStream(answer.text), expected);
    assert.equal(answer.text.split("data: [DONE]").length, 2);
    const events = answer.text.split("\n\n").filter((event) => event.startsWith("data: {"));
    const last = JSON.parse(events.at(-1)?.slice(6) ?? "");
    assert.equal(last.choices[0].finish_reason, "stop");
    assert.equal(last.usage.completion_tokens, 40);
    assert.match(last.usage.x_tandem.cost, /^0\./);
    assert.ok(events.every((event) => event.includes('"model":"paid"')));
  });

  test("keeps the request id of the router, and makes another one of anything else", async () => {
    const id = `req_${"0".repeat(26)}`;
    const given = await bench.chat(freshPrompt().content, {}, { "x-request-id": id });
    assert.equal(given.headers["x-request-id"], id);
    const forged = await bench.chat(freshPrompt().content, {}, { "x-request-id": "../../x" });
    assert.match(String(forged.headers["x-request-id"]), /^req_/);
  });

  for (const path of ["/chat/completions", "/beta/chat/completions"]) {
    test(`is served under ${path} as well`, async () => {
      const { content, expected } = freshPrompt();
      const messages = [{ role: "user", content }];
      const answer = await bench.post(path, { model: "free", messages });
      assert.equal(textOfWhole(answer.text), expected);
    });
  }

  test("steadily asks nobody: no key, limit or wallet is looked up again", async () => {
    await bench.chat(freshPrompt().content);
    const { quota, calls } = bench.platform;
    const before = { ...quota.calls, verifyKey: calls.verifyKey };
    for (let count = 0; count < 20; count += 1) {
      assert.equal((await bench.chat(freshPrompt().content)).status, 200);
    }
    assert.equal(calls.verifyKey, before.verifyKey);
    assert.ok(quota.calls.wallet - before.wallet <= 1);
    assert.ok(quota.calls.limits - before.limits <= 1);
  });
});

describe("other endpoints", () => {
  test("the middle is filled in, whole and streamed alike", async () => {
    const body = { model: "free", prompt: freshPrompt().content, suffix: "end", max_tokens: 9 };
    const whole = await bench.post("/beta/completions", body);
    assert.equal(whole.status, 200, whole.text);
    const { object, choices } = whole.json as { object: string; choices: { text: string }[] };
    assert.equal(object, "text_completion");
    const stream = await bench.post("/v1/completions", { ...body, stream: true });
    const text = stream.text
      .split("\n\n")
      .filter((event) => event.startsWith("data: {"))
      .map((event) => JSON.parse(event.slice(6)).choices[0]?.text ?? "")
      .join("");
    assert.equal(text, choices[0]?.text);
  });

  test("embeddings come in the form that was asked for, and the same from the cache", async () => {
    const body = { model: "free", input: ["a", freshPrompt().content] };
    const floats = await bench.post("/v1/embeddings", body);
    assert.equal(floats.status, 200, floats.text);
    const vector = (floats.json as { data: { embedding: number[] }[] }).data[0]?.embedding ?? [];
    assert.ok(vector.length > 0);
    const packed = await bench.post("/v1/embeddings", { ...body, encoding_format: "base64" });
    const text = (packed.json as { data: { embedding: string }[] }).data[0]?.embedding ?? "";
    assert.equal(Buffer.from(text, "base64").length, vector.length * 4);
    const again = await bench.post("/v1/embeddings", body);
    assert.equal(again.headers["x-tandem-cache"], "hit");
    assert.deepEqual(
      (again.json as { data: unknown }).data,
      (floats.json as { data: unknown }).data,
    );
  });

  test("models are listed and shown, those that the key may use", async () => {
    const all = await bench.get("/v1/models");
    assert.deepEqual(
      (all.json as { data: { id: string }[] }).data.map(({ id }) => id),
      ["free", "own", "paid", "plain", "quotes", "unpriced"],
    );
    const narrow = bench.platform.addKey({ allowedModels: ["fr*"] });
    const headers = { authorization: `Bearer ${narrow}` };
    const some = await bench.get("/models", headers);
    assert.equal((some.json as { data: unknown[] }).data.length, 1);
    const one = await bench.get("/v1/models/free", headers);
    assert.equal((one.json as { id: string }).id, "free");
    assert.equal((await bench.get("/v1/models/paid", headers)).status, 404);
  });

  test("the balance is DeepSeek's", async () => {
    const answer = await bench.get("/user/balance");
    assert.equal(answer.status, 200, answer.text);
    const body = answer.json as { is_available: boolean; balance_infos: { currency: string }[] };
    assert.equal(body.is_available, true);
    assert.equal(body.balance_infos[0]?.currency, "USD");
  });

  test("what does not exist is told in the API's words", async () => {
    const unknown = await bench.post("/v1/nothing", {});
    assert.equal(unknown.status, 404);
    assert.equal(errorIn(unknown).code, "unknown_url");
    assert.equal((await bench.get("/v1/chat/completions")).status, 405);
  });

  test("probes answer without a key", async () => {
    const ready = await httpRequest(bench.gateway.address, { path: "/readyz" });
    assert.equal(ready.status, 200);
    assert.equal((await httpRequest(bench.gateway.address, { path: "/livez" })).status, 200);
  });
});

describe("the cache", () => {
  test("answers a request that has one right answer, as a whole and as a stream, for nothing", async () => {
    const { content, expected } = freshPrompt();
    const first = await bench.chat(content, { temperature: 0 });
    assert.equal(first.headers["x-tandem-cache"], "miss");
    const calls = bench.first.calls.length;
    const whole = await bench.chat(content, { temperature: 0 });
    assert.equal(whole.headers["x-tandem-cache"], "hit");
    assert.equal(whole.headers["x-tandem-cost"], "0.00 USD");
    assert.equal(textOfWhole(whole.text), expected);
    const stream = await bench.chat(content, { temperature: 0, stream: true });
    assert.equal(stream.headers["x-tandem-cache"], "hit");
    assert.equal(textOfStream(stream.text), expected);
    assert.equal(bench.first.calls.length, calls);
  });

  test("keeps what was streamed first, and never another key's", async () => {
    const { content, expected } = freshPrompt();
    await bench.chat(content, { temperature: 0, stream: true });
    const whole = await bench.chat(content, { temperature: 0 });
    assert.equal(whole.headers["x-tandem-cache"], "hit");
    assert.equal(textOfWhole(whole.text), expected);
    const stranger = bench.platform.addKey();
    const headers = { authorization: `Bearer ${stranger}` };
    const other = await bench.chat(content, { temperature: 0 }, headers);
    assert.equal(other.headers["x-tandem-cache"], "miss");
  });

  test("asks once for what many want at the same time", async () => {
    const { content, expected } = freshPrompt();
    const calls = bench.first.calls.length;
    bench.first.script({ kind: "late", delayMs: 300 });
    const asking = Array.from({ length: 50 }, () => bench.chat(content, { temperature: 0 }));
    const answers = await Promise.all(asking);
    assert.deepEqual(new Set(answers.map(({ text }) => textOfWhole(text))), new Set([expected]));
    const marks = answers.map(({ headers }) => headers["x-tandem-cache"]);
    assert.equal(marks.filter((mark) => mark === "miss").length, 1);
    assert.equal(bench.first.calls.length, calls + 1);
  });

  test("lets the next one ask where the first one fails, or leaves", async () => {
    const { content, expected } = freshPrompt();
    const calls = bench.first.calls.length;
    bench.first.script({ kind: "status", status: 400, message: "not now" });
    const asking = Array.from({ length: 10 }, () => bench.chat(content, { temperature: 0 }));
    const answers = await Promise.all(asking);
    assert.equal(answers.filter(({ status }) => status === 400).length, 1);
    const rest = answers.filter(({ status }) => status === 200);
    assert.deepEqual(new Set(rest.map(({ text }) => textOfWhole(text))), new Set([expected]));
    assert.equal(bench.first.calls.length, calls + 2);
  });

  test("is left alone by what samples, and by whoever says so", async () => {
    const { content } = freshPrompt();
    assert.equal((await bench.chat(content)).headers["x-tandem-cache"], "bypass");
    const control = (value: string) => ({ "x-tandem-cache-control": value });
    const asked = await bench.chat(content, {}, control("cache"));
    assert.equal(asked.headers["x-tandem-cache"], "miss");
    const hit = await bench.chat(content, {}, control("cache"));
    assert.equal(hit.headers["x-tandem-cache"], "hit");
    const fresh = await bench.chat(content, { temperature: 0 }, control("no-store"));
    assert.equal(fresh.headers["x-tandem-cache"], "bypass");
  });
});

describe("a conversation", () => {
  test("brings its history, and takes the turn and its answer, whole or streamed", async () => {
    const id = `conv_${"1".repeat(26)}`;
    const { content, expected } = freshPrompt();
    const answer = await bench.chat(content, { conversation_id: id });
    assert.equal(textOfWhole(answer.text), expected);
    const { conversations } = bench.platform;
    await until(() => conversations.get(id)?.length === 2);
    const stream = await bench.chat(
      freshPrompt().content,
      { stream: true },
      {
        "x-tandem-conversation": id,
      },
    );
    assert.equal(stream.status, 200, stream.text);
    await until(() => conversations.get(id)?.length === 4);
    const sent = JSON.parse(bench.first.calls.at(-1)?.bodyText ?? "{}");
    assert.equal(sent.messages.length, 3);
    assert.equal(sent.conversation_id, undefined);
    const last = JSON.parse(conversations.get(id)?.at(-1) ?? "{}");
    assert.equal(last.role, "assistant");
    assert.equal(last.content, textOfStream(stream.text));
  });
});

test("auth is told which keys were used, each once, at the latest when the gateway stops", async () => {
  const keyId = "key_reported";
  const key = bench.platform.addKey({ keyId });
  for (let call = 0; call < 3; call += 1) {
    const answer = await bench.chat(freshPrompt().content, {}, { authorization: `Bearer ${key}` });
    assert.equal(answer.status, 200);
  }
  const isReported = (): boolean => bench.platform.reportedKeys.includes(keyId);
  assert.ok(!isReported(), "not in the way of a request");
  await bench.restart();
  assert.equal(bench.platform.reportedKeys.filter((id) => id === keyId).length, 1);
});

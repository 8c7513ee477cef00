import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { type EngineFault, textOfStream } from "@tandem/libs/testing";
import { until } from "./testing/fake-platform.ts";
import { freshPrompt, type GatewayBench, openBench } from "./testing/gateway-bench.ts";
import { chunksOf, openStream, streamed } from "./testing/streamed.ts";

let bench: GatewayBench;

before(async () => {
  bench = await openBench({
    upstream: { profile: "vllm" },
    engine: { profile: "vllm" },
    timeouts: { firstTokenTimeoutMs: 5_000, idleTimeoutMs: 400, totalTimeoutMs: 20_000 },
  });
});
after(() => bench.close());

/** Six ways of breaking, in the middle of an answer of sixty tokens. */
const breaks: [string, EngineFault][] = [
  ["reset", { kind: "cut", atByte: 6_000, how: "reset" }],
  ["closed", { kind: "cut", atByte: 6_000, how: "end" }],
  ["silent", { kind: "cut", atByte: 6_000, how: "stall" }],
  ["ended in the middle of a line", { kind: "truncate", atByte: 6_013 }],
  ["ended between events", { kind: "stop-short", afterEvents: 20 }],
  ["with an error event", { kind: "stream-error", afterEvents: 20 }],
];

describe("a stream whose upstream breaks is gone on with", () => {
  for (const [what, fault] of breaks) {
    test(`${what}: the client has one whole answer, and pays for one`, async () => {
      await bench.heal();
      const { content, expected } = freshPrompt(60);
      bench.first.script(fault);
      // In pieces: what fails together with its first words is simply tried elsewhere.
      bench.first.pace({ tokensPerSecond: 200 });
      const { text, isComplete, headers } = await streamed(bench, content);
      assert.equal(textOfStream(text), expected, text.slice(-600));
      assert.ok(isComplete);
      const chunks = chunksOf(text);
      assert.equal(new Set(chunks.map(({ id }) => id)).size, 1);
      assert.equal(new Set(chunks.map(({ created }) => created)).size, 1);
      const deltas = chunks.flatMap(({ choices }) => choices.map(({ delta }) => delta));
      assert.equal(deltas.filter((delta) => delta?.role !== undefined).length, 1);
      const last = chunks.at(-1);
      assert.equal(last?.choices[0]?.finish_reason, "stop");
      const { usage } = last ?? {};
      assert.equal(usage?.completion_tokens, 60, JSON.stringify(usage));
      assert.equal(usage?.prompt_tokens, Math.ceil(content.length / 4));
      assert.deepEqual([usage?.x_tandem.attempts, usage?.x_tandem.resumed], [2, 1]);
      assert.match(text, /\n\n: resumed\n\n/);
      const id = String(headers["x-request-id"]);
      await until(() => bench.platform.quota.ledger.has(id));
      const settled = bench.platform.quota.ledger.get(id);
      assert.equal(settled?.outcome, "complete");
      assert.equal(settled?.outputTokens, 60);
      // 60 × 2 and the prompt × 1 in millionths, some of it from the cache.
      assert.ok((settled?.chargedNanos ?? 0n) <= 120_000n + BigInt(content.length) * 1_000n);
    });
  }
});

/** Breaks after twenty events, which take long enough to be read one by one. */
const breakEarly: EngineFault = { kind: "stop-short", afterEvents: 20 };

function slowly(): void {
  for (const engine of [bench.first, bench.second]) engine.pace({ tokensPerSecond: 200 });
}

const weather = {
  type: "function",
  function: {
    name: "weather",
    parameters: { type: "object", properties: { city: { type: "string" } } },
  },
};

describe("going on with a broken stream", () => {
  test("a second break is gone on from too, by whoever is left or back", async () => {
    await bench.heal();
    const { content, expected } = freshPrompt(60);
    bench.first.script(breakEarly);
    bench.second.script({ kind: "stop-short", afterEvents: 10 });
    slowly();
    const { text } = await streamed(bench, content);
    assert.equal(textOfStream(text), expected);
    const usage = chunksOf(text).at(-1)?.usage;
    assert.deepEqual([usage?.x_tandem.resumed, usage?.completion_tokens], [2, 60]);
  });

  test("a third break is told: no finish, no [DONE], and what was given is a beginning", async () => {
    await bench.heal();
    const { content, expected } = freshPrompt(90);
    bench.first.script(breakEarly, breakEarly);
    bench.second.script(breakEarly);
    slowly();
    const { text, isComplete } = await streamed(bench, content);
    assert.equal(isComplete, false);
    assert.ok(!text.includes("[DONE]") && !text.includes('"finish_reason":"'));
    const chunks = chunksOf(text);
    assert.equal(chunks.at(-1)?.error?.code, "stream_broken");
    const said = chunks.map(({ choices }) => choices?.[0]?.delta?.content ?? "").join("");
    assert.ok(said.split(" ").length >= 50 && expected.startsWith(said), said);
  });

  test("a server that refuses a prefix is passed over, and hides nothing of what happened", async () => {
    await bench.heal();
    const { content, expected } = freshPrompt(60);
    bench.first.script(breakEarly);
    bench.second.script({ kind: "status", status: 400, message: "no prefill here" });
    slowly();
    assert.equal(textOfStream((await streamed(bench, content)).text), expected);
    await bench.heal();
    bench.first.script(breakEarly, { kind: "status", status: 400, message: "no prefill here" });
    bench.second.script({ kind: "status", status: 400, message: "no prefill here" });
    slowly();
    const { text } = await streamed(bench, freshPrompt(60).content);
    const error = chunksOf(text).at(-1)?.error;
    assert.equal(error?.code, "stream_broken");
    assert.ok(!error.message.includes("prefill"));
  });

  test("an answer whose tokens are used up ends with `length`, and nobody is asked", async () => {
    await bench.heal();
    const { content } = freshPrompt(60);
    bench.first.script({ kind: "stop-short", afterEvents: 11 });
    slowly();
    const calls = bench.second.calls.length;
    const { text } = await streamed(bench, content, { max_tokens: 10 });
    const last = chunksOf(text).at(-1);
    assert.equal(last?.choices[0]?.finish_reason, "length");
    assert.equal(last?.usage?.completion_tokens, 10);
    assert.equal(bench.second.calls.length, calls);
  });

  test("what is asked for is bounded by what is left of the budget", async () => {
    await bench.heal();
    bench.first.script(breakEarly);
    slowly();
    const { text } = await streamed(bench, freshPrompt(90).content, { max_tokens: 30 });
    assert.equal(chunksOf(text).at(-1)?.usage?.completion_tokens, 30);
    const asked = bench.second.calls.at(-1)?.body as { readonly max_tokens: number };
    assert.equal(asked.max_tokens, 11);
  });

  test("half a tool call is given to nobody: the call is made anew", async () => {
    await bench.heal();
    bench.first.script({ kind: "stop-short", afterEvents: 12 });
    slowly();
    const { content } = freshPrompt();
    const asked = `${content} weather words=8`;
    const { text } = await streamed(bench, asked, { tools: [weather] });
    const chunks = chunksOf(text);
    const calls = chunks.flatMap(({ choices }) => choices[0]?.delta?.tool_calls ?? []);
    assert.equal(calls.filter(({ id }) => id !== undefined).length, 1);
    JSON.parse(calls.map(({ function: { arguments: piece } }) => piece).join(""));
    const said = chunks.map(({ choices }) => choices[0]?.delta?.content ?? "").join("");
    assert.equal(said.split(" ").length >= 8, true, said);
    const last = chunks.at(-1);
    assert.equal(last?.choices[0]?.finish_reason, "tool_calls");
    assert.equal(last?.usage?.x_tandem.resumed, 1);
  });

  test("JSON is not gone on with where no grammar is led along: it is told", async () => {
    await bench.heal();
    bench.first.script(breakEarly);
    slowly();
    const format = { response_format: { type: "json_object" } };
    const { text } = await streamed(bench, freshPrompt(60).content, format);
    assert.equal(chunksOf(text).at(-1)?.error?.code, "stream_broken");
  });

  test("a text completion goes on at any server, since its text is its prompt", async () => {
    await bench.heal({ profile: "openai" });
    const prompt = `${freshPrompt(40).content}»`;
    const whole = await streamed(bench, "", { prompt, messages: undefined });
    bench.first.script({ kind: "stop-short", afterEvents: 15 });
    slowly();
    const broken = await streamed(bench, "", { prompt, messages: undefined });
    const said = (text: string): string =>
      chunksOf(text)
        .map(({ choices }) => choices[0]?.text ?? "")
        .join("");
    assert.equal(said(broken.text), said(whole.text));
    assert.equal(chunksOf(broken.text).at(-1)?.usage?.x_tandem.resumed, 1);
  });

  test("where there is no other upstream the one that went is waited for", async () => {
    await bench.heal();
    const { content, expected } = freshPrompt(60);
    bench.first.script(breakEarly);
    bench.second.always({ kind: "status", status: 500 });
    slowly();
    const answer = streamed(bench, content);
    const hasBroken = (calls: GatewayBench["first"]["calls"]): boolean =>
      calls.some(({ bodyText, state }) => bodyText.includes(content) && state === "completed");
    await bench.first.until(hasBroken);
    await bench.first.refuse();
    const gone = bench.second.calls.length;
    await bench.second.until((calls) => calls.length > gone, 20_000);
    await bench.first.accept();
    assert.equal(textOfStream((await answer).text), expected);
  });

  test("a client that leaves meanwhile stops whoever goes on, and pays for what it has", async () => {
    await bench.heal();
    const { content } = freshPrompt(60);
    bench.first.script(breakEarly);
    slowly();
    bench.second.pace({ tokensPerSecond: 200, firstTokenDelayMs: 60_000 });
    const calls = bench.second.calls.length;
    const incoming = await openStream(bench, content);
    incoming.on("error", () => undefined);
    incoming.resume();
    await bench.second.until(({ length }) => length > calls);
    incoming.destroy();
    await bench.second.until((all) => all.at(-1)?.state === "canceled");
    const id = String(incoming.headers["x-request-id"]);
    await until(() => bench.platform.quota.ledger.has(id));
    const settled = bench.platform.quota.ledger.get(id);
    assert.deepEqual([settled?.outcome, settled?.outputTokens], ["partial", 19]);
  });
});

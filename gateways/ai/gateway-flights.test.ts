import assert from "node:assert/strict";
import { request } from "node:http";
import { after, before, describe, test } from "node:test";
import { textOfWhole } from "@tandem/libs/testing";
import { freshPrompt, type GatewayBench, openBench } from "./testing/gateway-bench.ts";

let bench: GatewayBench;

before(async () => {
  bench = await openBench();
});
after(() => bench.close());

/** What can be cached, and so shared. */
const ask = (content: string) => bench.chat(content, { temperature: 0 });

/** Calls of either engine for this prompt. */
function callsFor(content: string): number {
  const all = [...bench.first.calls, ...bench.second.calls];
  return all.filter(({ body }) => JSON.stringify(body).includes(content)).length;
}

describe("many who ask the same at once", () => {
  test("are answered by one call to the model", async () => {
    const { content, expected } = freshPrompt(20);
    bench.first.pace({ firstTokenDelayMs: 200 });
    const answers = await Promise.all(Array.from({ length: 20 }, () => ask(content)));
    assert.equal(callsFor(content), 1);
    for (const { status, text } of answers) {
      assert.equal(status, 200, text);
      assert.equal(textOfWhole(text), expected);
    }
    const marks = answers.map(({ headers }) => headers["x-tandem-cache"]).sort();
    assert.deepEqual(marks, [...Array.from({ length: 19 }, () => "hit"), "miss"]);
    assert.equal(new Set(answers.map(({ headers }) => headers["x-request-id"])).size, 20);
  });

  test("do not wait for one who has left: the next one leads", async () => {
    await bench.heal();
    const { content, expected } = freshPrompt(20);
    const before = bench.first.calls.length;
    bench.first.script({ kind: "hang" });
    const body = JSON.stringify({
      ...{ model: "paid", temperature: 0, messages: [{ role: "user", content }] },
    });
    const leader = request({
      socketPath: bench.gateway.address.replace("unix:", ""),
      ...{ method: "POST", path: "/v1/chat/completions", agent: false },
      headers: { authorization: `Bearer ${bench.key}`, "content-length": Buffer.byteLength(body) },
    });
    leader.on("error", () => undefined);
    leader.end(body);
    await bench.first.until((calls) => calls.length > before);
    const others = Array.from({ length: 5 }, () => ask(content));
    leader.destroy();
    for (const { status, text } of await Promise.all(others)) {
      assert.equal(status, 200, text);
      assert.equal(textOfWhole(text), expected);
    }
    assert.equal(callsFor(content), 2, "the one that was left, and one for all others");
  });

  test("do not share a failure: only who leads has it", async () => {
    await bench.heal();
    const { content } = freshPrompt(20);
    for (const engine of [bench.first, bench.second]) {
      engine.script({ kind: "status", status: 500, message: "broken" });
    }
    const answers = await Promise.all(Array.from({ length: 6 }, () => ask(content)));
    const failed = answers.filter(({ status }) => status !== 200);
    assert.ok(failed.length <= 1, failed.map(({ text }) => text).join());
    assert.ok(callsFor(content) <= 3, `${callsFor(content)} calls`);
  });
});

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { textOfWhole } from "@tandem/libs/testing";
import { until } from "./testing/fake-platform.ts";
import { errorIn, freshPrompt, type GatewayBench, openBench } from "./testing/gateway-bench.ts";

let bench: GatewayBench;

before(async () => {
  bench = await openBench({
    settings: { identity: { outageMs: "10s" }, wallet: { patienceMs: "300ms" } },
  });
});
after(() => bench.close());

const as = (key: string) => ({ authorization: `Bearer ${key}` });

async function works(part: object = {}): Promise<ReturnType<GatewayBench["chat"]>> {
  const { content, expected } = freshPrompt();
  const answer = await bench.chat(content, part);
  assert.equal(answer.status, 200, answer.text);
  assert.equal(textOfWhole(answer.text), expected);
  return answer;
}

describe("while auth is away", () => {
  test("known keys go on, marked after a moment; unknown ones get 503, never 401", async () => {
    await works();
    await bench.platform.stopOne("auth");
    await works();
    const stranger = bench.platform.addKey();
    const answer = await bench.chat("x", {}, as(stranger));
    assert.equal(answer.status, 503, answer.text);
    assert.notEqual(errorIn(answer).code, "invalid_api_key");
    assert.ok(Number(answer.headers["retry-after"]) >= 1);
    let marked = await works();
    while (marked.headers["x-tandem-degraded"] === undefined) marked = await works();
    assert.equal(marked.headers["x-tandem-degraded"], "identity");
    await bench.platform.startOne("auth");
    await until(() => bench.platform.calls.verifyKey >= 0);
    let back = await works();
    while (back.headers["x-tandem-degraded"] !== undefined) back = await works();
    assert.equal((await bench.chat(freshPrompt().content, {}, as(stranger))).status, 200);
  });
});

describe("while quota is away", () => {
  test("paid requests go on from the slice, settle on its return, and nothing is lost", async () => {
    await works();
    const { quota } = bench.platform;
    await bench.platform.stopOne("quota");
    const ids: string[] = [];
    for (let count = 0; count < 10; count += 1) {
      const answer = await works({ max_tokens: 20 });
      ids.push(String(answer.headers["x-request-id"]));
    }
    assert.ok(ids.every((id) => !quota.ledger.has(id)));
    await bench.platform.startOne("quota");
    await until(() => ids.every((id) => quota.ledger.has(id)));
    for (const id of ids) assert.ok((quota.ledger.get(id)?.chargedNanos ?? 0n) > 0n);
  });

  test("money that would have to be asked for is 503, never 402", async () => {
    const fresh = bench.platform.addKey();
    await bench.chat(freshPrompt().content, { model: "free" }, as(fresh));
    await bench.platform.stopOne("quota");
    const answer = await bench.chat(freshPrompt().content, {}, as(fresh));
    assert.equal(answer.status, 503, answer.text);
    // Another replica may still have money for it: the router asks there.
    assert.equal(answer.headers["x-tandem-declined"], "1");
    const free = await bench.chat(freshPrompt().content, { model: "free" }, as(fresh));
    assert.equal(free.status, 200, free.text);
    await bench.platform.startOne("quota");
  });
});

describe("while everything behind it is away", () => {
  test("a gateway that starts anew serves from its last snapshots what it still may", async () => {
    await works();
    const names = ["auth", "quota", "chat", "models", "inference", "monitoring"] as const;
    for (const name of names) await bench.platform.stopOne(name);
    await bench.restart({ identity: { outageMs: "10s" } });
    const answer = await bench.chat("x");
    assert.equal(answer.status, 503, "the key is unknown to this life, and nobody can be asked");
    await bench.platform.start();
    await until(() => bench.gateway.unreadyChecks().length === 0);
    let status = 0;
    while (status !== 200) ({ status } = await bench.chat(freshPrompt().content));
  });

  test("monitoring is not missed by anybody who asks", async () => {
    await bench.platform.stopOne("monitoring");
    await works();
    await bench.platform.startOne("monitoring");
  });
});

describe("a gateway that is killed", () => {
  test("leaves nothing unsettled: its journal is settled by its next life", async () => {
    await works();
    const { quota } = bench.platform;
    await bench.platform.stopOne("quota");
    const answer = await works({ max_tokens: 20 });
    const id = String(answer.headers["x-request-id"]);
    // An orderly end cannot settle either, with quota gone; what is left is in the journal only.
    await bench.gateway.close({ deadlineMs: 100 });
    assert.ok(!quota.ledger.has(id));
    await bench.platform.startOne("quota");
    bench.gateway = await bench.platform.startGateway();
    await until(() => quota.ledger.has(id));
    assert.equal(quota.ledger.get(id)?.outcome, "complete");
  });
});

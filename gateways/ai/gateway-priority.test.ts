import assert from "node:assert/strict";
import { type ClientRequest, request } from "node:http";
import { after, before, describe, test } from "node:test";
import type { HttpAnswer } from "@tandem/libs/testing";
import { until } from "./testing/fake-platform.ts";
import { errorIn, freshPrompt, type GatewayBench, openBench } from "./testing/gateway-bench.ts";

let bench: GatewayBench;
let keys: Readonly<Record<"sheddable" | "default" | "critical", string>>;

before(async () => {
  bench = await openBench({
    upstream: { profile: "engine" },
    settings: { queueMax: 1, shedding: { lagMs: "10ms" } },
  });
  const { platform } = bench;
  keys = {
    sheddable: platform.addKey({ priority: "sheddable" }),
    default: platform.addKey(),
    critical: platform.addKey({ priority: "critical" }),
  };
  await Promise.all(Object.values(keys).map((key) => free({ key })));
});
after(() => bench.close());

const as = (key: string) => ({ authorization: `Bearer ${key}` });

/** A call of the model that costs nothing. */
function free(given: {
  readonly key: string;
  readonly priority?: string;
  readonly tokens?: number;
  /** The router has taken it from another replica. */
  readonly isBegun?: boolean;
}) {
  const { key, priority, tokens = 1, isBegun = false } = given;
  const headers = {
    authorization: `Bearer ${key}`,
    ...(isBegun && { "x-tandem-begun": "1" }),
    ...(priority !== undefined && { "x-tandem-priority": priority }),
  };
  const { content } = freshPrompt(tokens);
  return bench.chat(content, { model: "free", max_tokens: tokens }, headers);
}

/** A client that takes a place and leaves it when it is destroyed. */
function occupy(): ClientRequest {
  const body = JSON.stringify({ model: "own", messages: [{ role: "user", content: "stay" }] });
  const occupant = request({
    socketPath: bench.gateway.address.replace("unix:", ""),
    ...{ method: "POST", path: "/v1/chat/completions", agent: false },
    headers: { ...as(keys.default), "content-length": String(body.length) },
  });
  occupant.on("error", () => undefined);
  occupant.end(body);
  return occupant;
}

async function toldUpstream(key: string, priority?: string): Promise<unknown> {
  const answer = await free({ key, ...(priority !== undefined && { priority }) });
  assert.equal(answer.status, 200, answer.text);
  return bench.first.calls.at(-1)?.headers["x-tandem-priority"];
}

function assertShed(answer: HttpAnswer | undefined, priority: string): void {
  assert.equal(answer?.status, 503);
  assert.equal(answer.headers["x-tandem-shed"], priority);
  assert.equal(errorIn(answer).code, "server_is_overloaded");
  assert.ok(Number(answer.headers["retry-after"]) >= 1);
  assert.equal(answer.headers["x-should-retry"], "true");
}

describe("a request's priority", () => {
  test("is its key's, or a lower one that it names, and goes with it to the engine's queue", async () => {
    assert.equal(await toldUpstream(keys.default), undefined);
    assert.equal(await toldUpstream(keys.critical), "critical");
    assert.equal(await toldUpstream(keys.sheddable), "sheddable");
    assert.equal(await toldUpstream(keys.critical, "sheddable"), "sheddable");
    assert.equal(await toldUpstream(keys.critical, "default"), undefined);
    assert.equal(await toldUpstream(keys.default, "critical"), undefined, "a wish is no right");
  });

  test("that does not exist is refused by name", async () => {
    const answer = await free({ key: keys.default, priority: "urgent" });
    assert.equal(answer.status, 422);
    assert.equal(errorIn(answer).param, "x-tandem-priority");
  });
});

test("where all places are taken, who matters more waits instead of who matters least", async () => {
  const { platform, first } = bench;
  platform.setUpstreams([
    { name: "own", profile: "engine", baseUrl: first.baseUrl, maxConcurrency: 1 },
  ]);
  const ask = (key: string) =>
    bench.chat(freshPrompt(1).content, { model: "own", max_tokens: 1 }, as(key));
  while ((await ask(keys.default)).status !== 200);
  const asked = first.calls.length;
  first.script({ kind: "hang" });
  const occupant = occupy();
  await until(() => first.calls.length > asked);
  // One of them waits, and there is no room for the other one.
  const lowest = [ask(keys.sheddable), ask(keys.sheddable)];
  assertShed(await Promise.race(lowest), "sheddable");
  const critical = ask(keys.critical);
  for (const answer of await Promise.all(lowest)) assertShed(answer, "sheddable");
  occupant.destroy();
  assert.equal((await critical).status, 200);
});

test("a gateway that has more to do than it can turns the sheddable away, quickly and visibly", async () => {
  await bench.heal();
  const key = keys.sheddable;
  let shed: readonly HttpAnswer[] = [];
  const startMs = performance.now();
  while (shed.length < 10 && performance.now() - startMs < 10_000) {
    // The gateway lives in this process: what keeps us from our work keeps it from its own.
    const endMs = performance.now() + 80;
    while (performance.now() < endMs);
    const wave = Array.from({ length: 20 }, () => free({ key }));
    const begun = Array.from({ length: 5 }, () => free({ key, isBegun: true }));
    shed = (await Promise.all(wave)).filter(({ status }) => status === 503);
    const statuses = new Set((await Promise.all(begun)).map(({ status }) => status));
    assert.deepEqual([...statuses], [200], "another replica may have charged for it");
  }
  const critical = await free({ key: keys.critical });
  assert.equal(critical.status, 200, critical.text);
  assertShed(shed[0], "sheddable");
});

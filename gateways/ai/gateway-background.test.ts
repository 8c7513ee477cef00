import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, beforeEach, describe, test } from "node:test";
import type { Replica } from "@tandem/libs/service";
import { type HttpAnswer, httpRequest } from "@tandem/libs/testing";
import { until } from "./testing/fake-platform.ts";
import { errorIn, freshPrompt, type GatewayBench, openBench } from "./testing/gateway-bench.ts";

let bench: GatewayBench;
let other: Replica;
const folder = mkdtempSync(join(tmpdir(), "tandem-background-"));
const hotStoreUrl = `lmdb:${folder}`;
const settings = { streams: { drainMs: "200ms" }, responses: { backgroundBytes: "64KiB" } };

before(async () => {
  bench = await openBench({ upstream: { profile: "vllm" }, engine: { profile: "vllm" } });
  await bench.gateway.close({ deadlineMs: 1_000 });
  bench.gateway = await bench.platform.startGateway(settings, { hotStoreUrl });
  other = await bench.platform.startGateway(settings, { name: "ai/2", hotStoreUrl });
});
after(async () => {
  pace(undefined);
  await other.close({ deadlineMs: 1_000 });
  await bench.close();
  rmSync(folder, { recursive: true, force: true });
});
beforeEach(() => pace(undefined));

type Json = Readonly<Record<string, unknown>>;

interface Response {
  readonly id: string;
  readonly status: string;
  readonly background: boolean;
  readonly output: readonly (Json & { readonly type: string })[];
  readonly usage: Json | null;
  readonly error: { readonly code: string; readonly message: string } | null;
}

interface Ask {
  readonly method?: string;
  readonly path?: string;
  readonly body?: object;
  readonly key?: string;
  readonly to?: Replica;
  readonly headers?: Readonly<Record<string, string>>;
}

function ask({ method = "GET", path = "", body, key, to, headers }: Ask): Promise<HttpAnswer> {
  return httpRequest((to ?? bench.gateway).address, {
    method,
    path: `/v1/responses${path}`,
    headers: { authorization: `Bearer ${key ?? bench.key}`, ...headers },
    ...(body === undefined ? {} : { body }),
    mayBeCut: true,
  });
}

function wanted(input: string, part: object = {}): Ask {
  return {
    method: "POST",
    body: { model: "paid", input, max_output_tokens: 5_000, background: true, ...part },
  };
}

async function accepted(input: string, part: object = {}): Promise<Response> {
  const answer = await ask(wanted(input, part));
  assert.equal(answer.status, 200, answer.text);
  const response = answer.json as Response;
  assert.ok(["queued", "in_progress"].includes(response.status), response.status);
  assert.equal(response.background, true);
  return response;
}

async function ended(id: string, to = bench.gateway, key = bench.key): Promise<Response> {
  const untilMs = performance.now() + 20_000;
  for (;;) {
    const answer = await ask({ path: `/${id}`, to, key });
    assert.equal(answer.status, 200, answer.text);
    const response = answer.json as Response;
    if (!["queued", "in_progress"].includes(response.status)) return response;
    assert.ok(performance.now() < untilMs, "it never ended");
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

function textIn({ output }: Response): string {
  const item = output.find(({ type }) => type === "message");
  return (item?.["content"] as { text: string }[] | undefined)?.[0]?.text ?? "";
}

function eventsIn(text: string): readonly (Json & { type: string; sequence_number: number })[] {
  return text
    .split("\n\n")
    .filter((block) => block.startsWith("event: "))
    .map((block) => JSON.parse(block.slice(block.indexOf("data: ") + 6)));
}

function spoken(text: string): string {
  const deltas = eventsIn(text).filter(({ type }) => type === "response.output_text.delta");
  return deltas.map(({ delta }) => String(delta)).join("");
}

function pace(tokensPerSecond: number | undefined): void {
  for (const engine of [bench.first, bench.second]) {
    engine.pace(tokensPerSecond === undefined ? {} : { tokensPerSecond });
  }
}

function callsWith(content: string) {
  const calls = [...bench.first.calls, ...bench.second.calls];
  return calls.filter(({ bodyText }) => bodyText.includes(content));
}

async function settled(id: string) {
  const requestId = id.replace("resp_", "req_");
  await until(() => bench.platform.quota.ledger.has(requestId));
  return bench.platform.quota.ledger.get(requestId);
}

/** Reads a stream until `isEnough`, then breaks the connection; the whole events that had come. */
function readAndBreak(
  { body, path = "", to, method = "GET" }: Ask,
  isEnough: (text: string) => boolean,
) {
  return new Promise<string>((resolve, reject) => {
    const outgoing = request({
      ...{ method, path: `/v1/responses${path}`, agent: false },
      headers: { authorization: `Bearer ${bench.key}`, "content-type": "application/json" },
      socketPath: (to ?? bench.gateway).address.replace("unix:", ""),
    });
    let text = "";
    const whole = (): string => text.slice(0, text.lastIndexOf("\n\n") + 2);
    outgoing.on("error", (error) => (isEnough(text) ? resolve(whole()) : reject(error)));
    outgoing.on("response", (incoming) => {
      incoming.on("error", () => resolve(whole()));
      incoming.on("end", () => resolve(whole()));
      incoming.on("data", (chunk: Buffer) => {
        text += chunk.toString();
        if (!isEnough(text)) return;
        outgoing.destroy();
        resolve(whole());
      });
    });
    outgoing.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

function lastNumber(text: string): number {
  return eventsIn(text).at(-1)?.sequence_number ?? -1;
}

function assertContiguous(text: string): void {
  const numbers = eventsIn(text).map(({ sequence_number: number }) => number);
  assert.deepEqual(
    numbers,
    Array.from(numbers, (_, at) => at),
  );
}

describe("a response in the background", () => {
  test("is accepted at once, polled at any replica until it is complete, and billed once", async () => {
    pace(100);
    const { content, expected } = freshPrompt(60);
    const first = await accepted(content);
    const under = (await ask({ path: `/${first.id}`, to: other })).json as Response;
    assert.ok(["queued", "in_progress"].includes(under.status));
    const tooEarly = await ask({
      method: "POST",
      body: { model: "paid", input: "And then?", previous_response_id: first.id },
    });
    assert.equal(tooEarly.status, 400);
    assert.equal(errorIn(tooEarly).code, "previous_response_not_completed");
    const done = await ended(first.id, other);
    assert.equal(done.status, "completed");
    assert.equal(textIn(done), expected);
    assert.equal(done.usage?.["output_tokens"], 60);
    assert.deepEqual((await ask({ path: `/${first.id}` })).json, done);
    assert.equal(callsWith(content).length, 1);
    assert.equal((await settled(first.id))?.outputTokens, 60);
    const next = await ask({
      method: "POST",
      body: { model: "paid", input: "And then?", previous_response_id: first.id },
    });
    assert.equal(next.status, 200, next.text);
    const items = await ask({ path: `/${first.id}/input_items`, to: other });
    assert.equal((items.json as { data: object[] }).data.length, 1);
  });

  test("needs a store, and what is wrong with it is said at once", async () => {
    for (const [part, status, words] of [
      [{ store: false }, 400, /background/],
      [{ background: "yes" }, 422, /background/],
      [{ model: "nobody" }, 400, /nobody/],
      [{ max_output_tokens: -1 }, 422, /max_output_tokens/],
      [{ previous_response_id: "resp_nothing" }, 400, /previous response/],
    ] as const) {
      const answer = await ask(wanted("x", part));
      assert.equal(answer.status, status, answer.text);
      assert.match(errorIn(answer).message, words);
    }
    const poor = bench.platform.addKey({ organisationId: "org_poor" }, 0n);
    assert.equal((await ask({ ...wanted("x"), key: poor })).status, 402);
    assert.equal((await ask({ ...wanted("x"), key: "sk-nobody" })).status, 401);
  });

  test("is streamed, goes on when its client is lost, and resumes anywhere without a gap", async () => {
    pace(60);
    const { content, expected } = freshPrompt(50);
    const asked = wanted(content, { stream: true });
    let text = await readAndBreak(asked, (got) => got.includes("output_text.delta"));
    const [created] = eventsIn(text);
    assert.equal(created?.type, "response.created");
    const { id } = created["response"] as Response;
    for (const to of [other, bench.gateway, other]) {
      const path = `/${id}?stream=true&starting_after=${lastNumber(text)}`;
      text += await readAndBreak({ path, to }, (got) => eventsIn(got).length > 8);
    }
    const path = `/${id}?stream=true&starting_after=${lastNumber(text)}`;
    text += (await ask({ path, to: other })).text;
    assert.equal(spoken(text), expected);
    assertContiguous(text);
    assert.equal(eventsIn(text).at(-1)?.type, "response.completed");
    assert.equal(callsWith(content).length, 1);
    const again = await ask({ path: `/${id}?stream=true` });
    assert.equal(again.text, text);
    assert.equal(textIn(await ended(id)), expected);
    assert.equal((await ask({ path: `/${id}?stream=true&starting_after=x` })).status, 422);
  });

  test("is canceled at any replica, once and for all; what was made is billed once", async () => {
    for (const to of [bench.gateway, other]) {
      pace(60);
      const { content } = freshPrompt(2_000);
      const { id } = await accepted(content);
      const seen = await readAndBreak({ path: `/${id}?stream=true` }, (got) => spoken(got) !== "");
      const canceled = await ask({ method: "POST", path: `/${id}/cancel`, to });
      assert.equal(canceled.status, 200, canceled.text);
      const response = canceled.json as Response;
      assert.equal(response.status, "cancelled");
      assert.ok(textIn(response).startsWith(spoken(seen)));
      const again = await ask({ method: "POST", path: `/${id}/cancel` });
      assert.deepEqual(again.json, response);
      await until(() => callsWith(content).every(({ state }) => state === "canceled"));
      const bill = await settled(id);
      assert.ok((bill?.outputTokens ?? 0) > 0 && (bill?.outputTokens ?? 0) < 2_000);
      assert.deepEqual((await ask({ path: `/${id}`, to: other })).json, response);
      const { text } = await ask({ path: `/${id}?stream=true`, to: other });
      assertContiguous(text);
      assert.equal(eventsIn(text).at(-1)?.type, "response.cancelled");
      const next = { model: "paid", input: "On", previous_response_id: id };
      assert.equal((await ask({ method: "POST", body: next })).status, 400);
    }
  });

  test("a cancel that comes too late gives the complete response", async () => {
    const { content, expected } = freshPrompt(8);
    const { id } = await accepted(content);
    const done = await ended(id);
    const late = await ask({ method: "POST", path: `/${id}/cancel`, to: other });
    assert.deepEqual(late.json, done);
    assert.equal(textIn(done), expected);
  });

  test("a cancel that races the end has one result, the same for everybody", async () => {
    for (let round = 0; round < 12; round += 1) {
      const { content } = freshPrompt(6);
      const { id } = await accepted(content);
      // A little later each time, so that the cancel comes before, in and behind the end.
      for (let turn = 0; turn < round * 8; turn += 1) await new Promise(setImmediate);
      const to = round % 2 === 0 ? bench.gateway : other;
      const { json, status } = await ask({ method: "POST", path: `/${id}/cancel`, to });
      assert.equal(status, 200);
      const told = (json as Response).status;
      assert.ok(["completed", "cancelled"].includes(told), told);
      for (const replica of [bench.gateway, other]) {
        assert.equal((await ended(id, replica)).status, told);
        const { text } = await ask({ path: `/${id}?stream=true`, to: replica });
        assert.equal(eventsIn(text).at(-1)?.type, `response.${told}`);
        assertContiguous(text);
      }
      await settled(id);
    }
  });

  test("goes on at another replica when its own ends, though nobody asks, for one bill", async () => {
    pace(60);
    const { content, expected } = freshPrompt(80);
    const { id } = await accepted(content);
    await until(() => callsWith(content).some(({ piecesSent }) => piecesSent > 5));
    await bench.gateway.close({ deadlineMs: 1_000 });
    await until(() => callsWith(content).length === 2);
    const done = await ended(id, other);
    bench.gateway = await bench.platform.startGateway(settings, { hotStoreUrl });
    assert.equal(done.status, "completed");
    assert.equal(textIn(done), expected);
    assert.equal((await settled(id))?.outputTokens, 80);
    const { text } = await ask({ path: `/${id}?stream=true` });
    assertContiguous(text);
    assert.equal(spoken(text), expected);
    assert.deepEqual(eventsIn(text).at(-1)?.["response"], done);
  });

  test("holds its place of the limit of calls at once at whoever goes on with it", async () => {
    const { limits, places } = bench.platform.quota;
    const name = `lim_places_${process.pid}`;
    limits.push({ id: name, kind: "concurrency", limit: 100, left: 100 });
    const third = await bench.platform.startGateway(settings, { name: "ai/3", hotStoreUrl });
    pace(60);
    const { content, expected } = freshPrompt(200);
    const key = bench.platform.addKey({ organisationId: "org_placed" });
    const asked = await ask({ ...wanted(content), key, to: third });
    const { id } = asked.json as Response;
    await until(() => callsWith(content).some(({ piecesSent }) => piecesSent > 5));
    await third.close({ deadlineMs: 1_000 });
    await until(() => callsWith(content).length === 2);
    const heldByOthers = (): number => {
      const holders = [...(places.get(name) ?? [])].filter(([holder]) => !holder.endsWith("3"));
      return holders.reduce((sum, [, held]) => sum + held, 0);
    };
    await until(() => heldByOthers() >= 1);
    pace(undefined);
    assert.equal(textIn(await ended(id, other, key)), expected);
    limits.length = 0;
  });

  test("fails by name where it cannot be had, or is longer than what is kept", async () => {
    const { id } = await accepted(freshPrompt(600).content);
    const long = await ended(id);
    assert.equal(long.status, "failed");
    assert.equal(long.error?.code, "response_too_long");
    const { text } = await ask({ path: `/${id}?stream=true`, to: other });
    assertContiguous(text.replace(/event: error\n.*/s, ""));
    assert.deepEqual(
      eventsIn(text)
        .slice(-2)
        .map(({ type }) => type),
      ["response.failed", "error"],
    );
    const { content } = freshPrompt(8);
    for (const engine of [bench.first, bench.second]) engine.always({ kind: "html", status: 500 });
    const failed = await ended((await accepted(content)).id, other);
    await bench.heal();
    assert.equal(failed.status, "failed");
    assert.equal(failed.error?.code, "upstream_failed");
  });

  test("is nobody else's to see, to stream or to cancel, and is gone when it is deleted", async () => {
    pace(60);
    const { content } = freshPrompt(500);
    const { id } = await accepted(content);
    const key = bench.platform.addKey({ organisationId: "org_other" });
    for (const path of [`/${id}`, `/${id}?stream=true`]) {
      assert.equal((await ask({ path, key })).status, 404);
    }
    assert.equal((await ask({ method: "POST", path: `/${id}/cancel`, key })).status, 404);
    assert.equal((await ask({ method: "DELETE", path: `/${id}`, key })).status, 404);
    const gone = await ask({ method: "DELETE", path: `/${id}`, to: other });
    assert.deepEqual(gone.json, { id, object: "response", deleted: true });
    assert.equal((await ask({ path: `/${id}` })).status, 404);
    await until(() => callsWith(content).every(({ state }) => state === "canceled"));
  });

  test("by an Idempotency-Key is accepted once, and by what the router repeats as well", async () => {
    const { content } = freshPrompt(8);
    const headers = { "idempotency-key": `name-${process.pid}` };
    const first = await ask({ ...wanted(content), headers });
    const second = await ask({ ...wanted(content), headers, to: other });
    assert.deepEqual(second.json, first.json);
    const { id } = first.json as Response;
    await ended(id);
    const repeated = { "x-request-id": id.replace("resp_", "req_") };
    const third = await ask({ ...wanted(content), headers: repeated, to: other });
    assert.equal((third.json as Response).id, id);
    assert.equal(callsWith(content).length, 1);
  });
});

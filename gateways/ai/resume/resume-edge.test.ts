import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import type { Replica } from "@tandem/libs/service";
import { httpRequest, textOfStream } from "@tandem/libs/testing";
import { until } from "../testing/fake-platform.ts";
import { errorIn, freshPrompt, type GatewayBench, openBench } from "../testing/gateway-bench.ts";

let bench: GatewayBench;
let other: Replica;
const folder = mkdtempSync(join(tmpdir(), "tandem-resume-"));
const hotStoreUrl = `lmdb:${folder}`;
const settings = { resume: { graceMs: "800ms" }, streams: { drainMs: "300ms" } };

before(async () => {
  bench = await openBench({ upstream: { profile: "vllm" }, engine: { profile: "vllm" } });
  await bench.gateway.close({ deadlineMs: 1_000 });
  bench.gateway = await bench.platform.startGateway(settings, { hotStoreUrl });
  other = await bench.platform.startGateway(settings, { name: "ai/2", hotStoreUrl });
});
after(async () => {
  bench.first.pace({});
  bench.second.pace({});
  await other.close({ deadlineMs: 1_000 });
  await bench.close();
  rmSync(folder, { recursive: true, force: true });
});

const path = "/v1/chat/completions";
let names = 0;

interface Ask {
  readonly content: string;
  readonly name: string;
  readonly last?: number;
  readonly to?: Replica;
  readonly isStream?: boolean;
}

function requestOf({ content, name, last, isStream = true }: Ask) {
  return {
    method: "POST",
    path,
    headers: {
      authorization: `Bearer ${bench.key}`,
      "content-type": "application/json",
      "idempotency-key": name,
      ...(last === undefined ? {} : { "last-event-id": String(last) }),
    },
    body: { model: "paid", stream: isStream, messages: [{ role: "user", content }] },
  };
}

function newName(): string {
  names += 1;
  return `name-${process.pid}-${names}`;
}

function ask(given: Ask) {
  return httpRequest((given.to ?? bench.gateway).address, requestOf(given));
}

/** What came of each answer so far. */
const partial = new Map<string, string>();

/** What the router does when the replica that gave a stream is gone. */
function bring(given: Ask, sent: string) {
  const { body, headers, ...options } = requestOf(given);
  const request = Buffer.from(JSON.stringify(body));
  return httpRequest((given.to ?? bench.gateway).address, {
    ...options,
    body: Buffer.concat([request, Buffer.from(sent)]),
    headers: {
      ...headers,
      "x-tandem-handover": "of the router",
      "x-tandem-handover-request-bytes": String(request.length),
    },
  });
}

/** The first replica ends, while its streams are under way, and is back. */
async function restart(): Promise<void> {
  await bench.gateway.close({ deadlineMs: 1_000 });
  bench.gateway = await bench.platform.startGateway(settings, { hotStoreUrl });
}

/** Reads until `isEnough`, then breaks the connection; what had come. */
function askAndBreak(given: Ask, isEnough: (text: string) => boolean): Promise<string> {
  const { body, ...options } = requestOf(given);
  return new Promise((resolve, reject) => {
    const outgoing = request({
      ...options,
      socketPath: (given.to ?? bench.gateway).address.replace("unix:", ""),
      agent: false,
    });
    let text = "";
    outgoing.on("error", (error) => (isEnough(text) ? resolve(text) : reject(error)));
    outgoing.on("response", (incoming) => {
      incoming.on("error", reject);
      incoming.on("end", () => reject(new Error(`it ended: ${text}`)));
      incoming.on("data", (chunk: Buffer) => {
        text += chunk.toString();
        partial.set(given.name, text);
        if (!isEnough(text)) return;
        outgoing.destroy();
        resolve(text);
      });
    });
    outgoing.end(JSON.stringify(body));
  });
}

function wholeEvents(text: string): { readonly text: string; readonly last: number } {
  const whole = text.slice(0, text.lastIndexOf("\n\n") + 2);
  const ids = [...whole.matchAll(/^id: (\d+)$/gm)].map(([, id]) => Number(id));
  return { text: whole, last: ids.at(-1) ?? 0 };
}

function spoken(text: string): string | undefined {
  return textOfStream(text.replaceAll(/^id: \d+\n/gm, ""));
}

function callsWith(content: string): number {
  const calls = [...bench.first.calls, ...bench.second.calls];
  return calls.filter(({ bodyText }) => bodyText.includes(content)).length;
}

function slowly(): void {
  bench.first.pace({ tokensPerSecond: 60 });
  bench.second.pace({ tokensPerSecond: 60 });
}

describe("a stream asked for by a name", () => {
  for (const [where, replica] of [
    ["the same replica", () => bench.gateway],
    ["another replica", () => other],
  ] as const) {
    test(`goes on at ${where} after each broken connection, to the byte`, async () => {
      slowly();
      const { content, expected } = freshPrompt(40);
      const name = newName();
      let text = "";
      let last = 0;
      for (let break_ = 0; break_ < 3; break_ += 1) {
        const to = break_ === 0 ? bench.gateway : replica();
        const seen = await askAndBreak({ content, name, last, to }, (got) => got.length > 800);
        const events = wholeEvents(seen);
        text += events.text;
        ({ last } = events);
      }
      const rest = await ask({ content, name, last, to: replica() });
      text += rest.text;
      assert.equal(spoken(text), expected);
      const ids = [...text.matchAll(/^id: (\d+)$/gm)].map(([, id]) => Number(id));
      assert.deepEqual(
        ids,
        Array.from(ids, (_, at) => at + 1),
      );
      assert.equal(text.split("[DONE]").length, 2);
      assert.equal(callsWith(content), 1, "generated once");
    });
  }

  for (const how of ["its client", "the router"] as const) {
    test(`goes on at another replica when its own ends, asked by ${how}, for one bill`, async () => {
      slowly();
      const { content, expected } = freshPrompt(40);
      const name = newName();
      const seen = askAndBreak({ content, name }, (got) => got.includes("[DONE]"));
      await until(() => callsWith(content) === 1);
      const heard = seen.catch((error: unknown) => error);
      await restart();
      await heard;
      const { text: first, last } = wholeEvents(partial.get(name) ?? "");
      assert.ok(last > 0 && !first.includes("[DONE]"));
      const rest = await (how === "its client"
        ? ask({ content, name, last, to: other })
        : bring({ content, name, to: other }, first));
      assert.equal(rest.status, 200, rest.text);
      const text = first + rest.text;
      assert.equal(spoken(text), expected);
      const ids = [...text.matchAll(/^id: (\d+)$/gm)].map(([, id]) => Number(id));
      assert.deepEqual(
        ids,
        Array.from(ids, (_, at) => at + 1),
      );
      assert.ok(rest.headers["x-tandem-handover"], "it can be handed over again");
      const requestId = String(rest.headers["x-request-id"]);
      await until(() => bench.platform.quota.ledger.has(requestId));
      assert.equal(bench.platform.quota.ledger.get(requestId)?.outputTokens, 40);
      // It is kept like every other.
      bench.first.pace({});
      const again = await ask({ content, name, to: bench.gateway });
      assert.equal(spoken(again.text), expected);
      assert.equal(again.headers["x-request-id"], requestId, "the id by which it was begun");
    });
  }

  test("is stopped when its client says so, at whichever replica, and is gone then", async () => {
    for (const to of [bench.gateway, other]) {
      slowly();
      const { content } = freshPrompt(2_000);
      const name = newName();
      await askAndBreak({ content, name }, (got) => got.length > 400);
      const { body: _, ...options } = requestOf({ content, name });
      const answer = await httpRequest(to.address, { ...options, method: "DELETE" });
      assert.equal(answer.status, 204);
      const calls = () => [...bench.first.calls, ...bench.second.calls];
      const call = () => calls().findLast(({ bodyText }) => bodyText.includes(content));
      await until(() => call()?.state === "canceled");
      assert.equal((await ask({ content, name, last: 2, to })).status, 410);
    }
  });

  test("can be asked for again when it is over, from any event on", async () => {
    bench.first.pace({});
    bench.second.pace({});
    const { content, expected } = freshPrompt(12);
    const name = newName();
    const first = await ask({ content, name });
    for (const to of [bench.gateway, other]) {
      const again = await ask({ content, name, to });
      assert.equal(again.text, first.text);
      assert.equal(spoken(again.text), expected);
      const half = await ask({ content, name, to, last: 5 });
      assert.ok(first.text.endsWith(half.text) && half.text.startsWith("id: 6\n"));
    }
    assert.equal(callsWith(content), 1);
  });

  test("a whole answer too is given once and told twice", async () => {
    const { content } = freshPrompt(12);
    const name = newName();
    const first = await ask({ content, name, isStream: false });
    assert.equal(first.status, 200, first.text);
    for (const to of [bench.gateway, other]) {
      assert.equal((await ask({ content, name, to, isStream: false })).text, first.text);
    }
    assert.equal(callsWith(content), 1);
  });

  test("one that broke for good ends on purpose wherever it is told, for the router to know", async () => {
    const { content } = freshPrompt(40);
    const engines = [bench.first, bench.second];
    for (const engine of engines) engine.always({ kind: "stop-short", afterEvents: 4 });
    const name = newName();
    for (const to of [bench.gateway, other]) {
      const asked = requestOf({ content, name });
      const { text, wasCut } = await httpRequest(to.address, { ...asked, mayBeCut: true });
      assert.match(text, /data: {"error":.*\n\n: ended\n\n$/);
      assert.equal(wasCut, true);
    }
    await bench.heal();
  });

  test("nobody comes back: it ends, and the upstream is stopped", async () => {
    slowly();
    const { content } = freshPrompt(2_000);
    await askAndBreak({ content, name: newName() }, (got) => got.length > 400);
    const engines = [bench.first, bench.second];
    const call = () =>
      engines.flatMap(({ calls }) => calls).findLast(({ bodyText }) => bodyText.includes(content));
    await until(() => call()?.state === "canceled");
  });

  test("another request by the same name is refused, and so is a foreign key's", async () => {
    bench.first.pace({});
    bench.second.pace({});
    const name = newName();
    const mine = freshPrompt(8);
    await ask({ content: mine.content, name });
    for (const to of [bench.gateway, other]) {
      const mismatch = await ask({ content: freshPrompt(8).content, name, to });
      assert.equal(mismatch.status, 422);
      assert.match(errorIn(mismatch).message, /Idempotency-Key/);
    }
    const foreign = bench.platform.addKey();
    const theirs = await httpRequest(bench.gateway.address, {
      ...requestOf({ content: mine.content, name, last: 3 }),
      headers: {
        ...requestOf({ content: mine.content, name, last: 3 }).headers,
        authorization: `Bearer ${foreign}`,
      },
    });
    assert.equal(theirs.status, 410);
  });

  test("bad names, numbers and keys are refused, and what was refused may be tried again", async () => {
    const { content } = freshPrompt(8);
    assert.equal((await ask({ content, name: "two words" })).status, 422);
    assert.equal((await ask({ content, name: newName(), last: -1 })).status, 422);
    const name = newName();
    const body = { model: "no-such", messages: [{ role: "user", content }] };
    const options = requestOf({ content, name });
    const refused = await httpRequest(bench.gateway.address, { ...options, body });
    assert.equal(refused.status, 400);
    assert.equal((await ask({ content, name })).status, 200);
    const stranger = { ...options.headers, authorization: "Bearer sk-nobody" };
    const unknown = await httpRequest(bench.gateway.address, { ...options, headers: stranger });
    assert.equal(unknown.status, 401);
  });
});

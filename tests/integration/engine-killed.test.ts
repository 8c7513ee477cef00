/**
 * The real engine is killed in the middle of a stream, and comes back without its memory: a plain
 * client at the public door reads on as if nothing had been.
 */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { parseNanos } from "@tandem/libs/kernel";
import { startTandem, type Tandem } from "@tandem/libs/testing";
import { writeRandomModel } from "../../services/inference/engine/test-fixtures/random-gguf.ts";
import { ensureRuntime } from "../../services/inference/engine/test-fixtures/runtime.ts";

const folder = mkdtempSync(join(tmpdir(), "tandem-engine-killed-"));
const tokens = 1_200;
/** Of a million tokens in and out: one dollar and two. */
const price = { inputPerMillion: "1", outputPerMillion: "2" };

let tandem: Tandem;

before(async () => {
  await ensureRuntime();
  const path = join(folder, "random.gguf");
  // It never ends by itself; a text of it has the tokens that it was drawn by, as prose mostly has.
  const model = { contextTokens: 4_096, endingWeight: 0, separate: true };
  await writeRandomModel(path, model);
  const targets = [{ upstream: "engine", model: "random" }];
  tandem = await startTandem({
    settings: {
      engine: { models: [{ id: "random", path }] },
      ai: { streams: { returnMs: "60s" } },
      models: {
        models: [{ id: "random", contextTokens: 4_096, capabilities: ["chat"], price, targets }],
      },
    },
  });
});
after(async () => {
  await tandem?.stop();
  rmSync(folder, { recursive: true, force: true });
});

interface Chunk {
  readonly id: string;
  readonly choices: readonly {
    readonly delta: { readonly role?: string; readonly content?: string };
    readonly finish_reason: string | null;
  }[];
  readonly usage?: {
    readonly prompt_tokens: number;
    readonly completion_tokens: number;
    readonly x_tandem: { readonly cost: string; readonly resumed?: number };
  } | null;
}

/** What a client saw that reads lines and knows nothing of us. */
interface Seen {
  readonly requestId: string;
  readonly comments: readonly string[];
  readonly chunks: readonly Chunk[];
  readonly last: string;
}

async function stream(onChunk: (count: number) => void = () => undefined): Promise<Seen> {
  const response = await fetch(`${tandem.baseUrl}/chat/completions`, {
    method: "POST",
    headers: {
      authorization: `Bearer ${tandem.apiKey}`,
      "content-type": "application/json",
      // Asked twice, and made twice.
      "x-tandem-cache-control": "no-store",
    },
    body: JSON.stringify({
      ...{ model: "random", temperature: 0, max_tokens: tokens, stream: true },
      messages: [{ role: "user", content: "two riders" }],
      stream_options: { include_usage: true },
    }),
  });
  assert.equal(response.status, 200, response.status === 200 ? "" : await response.text());
  const comments: string[] = [];
  const chunks: Chunk[] = [];
  let last = "";
  let rest = "";
  const decoder = new TextDecoder();
  for await (const bytes of response.body ?? []) {
    const lines = (rest + decoder.decode(bytes as Uint8Array, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) {
      if (line.startsWith(":")) comments.push(line);
      if (!line.startsWith("data: ")) continue;
      last = line.slice("data: ".length);
      if (last !== "[DONE]") chunks.push(JSON.parse(last) as Chunk);
      onChunk(chunks.length);
    }
  }
  const requestId = response.headers.get("x-request-id") ?? "";
  return { requestId, comments, chunks, last };
}

const textOf = ({ chunks }: Seen): string =>
  chunks.flatMap(({ choices }) => choices.map(({ delta }) => delta.content ?? "")).join("");

/** One id, one beginning, one end, one usage; and that usage. */
function assertOneEnvelope(seen: Seen) {
  const { chunks, last } = seen;
  const choices = chunks.flatMap((chunk) => chunk.choices);
  assert.equal(last, "[DONE]");
  assert.equal(new Set(chunks.map(({ id }) => id)).size, 1);
  assert.equal(choices.filter(({ delta }) => delta.role !== undefined).length, 1);
  const ends = choices.map((choice) => choice.finish_reason).filter((reason) => reason !== null);
  assert.deepEqual(ends, ["length"]);
  const usages = chunks.flatMap(({ usage }) => (usage ? [usage] : []));
  assert.equal(usages.length, 1);
  const [usage] = usages;
  assert.ok(usage);
  return usage;
}

async function recordOf(requestId: string) {
  const endMs = performance.now() + 15_000;
  for (;;) {
    const record = (await tandem.readManagement(`/requests/${requestId}`)) as {
      readonly charged?: { readonly amount: string };
      readonly attempts?: readonly { readonly upstream: string; readonly outcome: string }[];
    };
    if (record.charged !== undefined) return { ...record, charged: record.charged.amount };
    assert.ok(performance.now() < endMs, `no record of ${requestId}`);
    await new Promise((resolve) => {
      setTimeout(resolve, 100);
    });
  }
}

async function engineProcess() {
  const { processes } = await tandem.status();
  return processes.find(({ name }) => name === "engine-1");
}

test("a greedy answer goes on byte for byte behind a kill of the engine: one envelope, one bill", async () => {
  const undisturbed = await stream();
  const usage = assertOneEnvelope(undisturbed);
  assert.equal(usage.completion_tokens, tokens);
  const engine = await engineProcess();
  let killedAt = 0;
  const disturbed = await stream((count) => {
    if (count < 50 || killedAt > 0) return;
    killedAt = count;
    process.kill(engine?.pid ?? 0, "SIGKILL");
  });
  assert.equal(disturbed.comments.filter((line) => line === ": resumed").length, 1);
  assert.equal(textOf(disturbed), textOf(undisturbed));
  const told = assertOneEnvelope(disturbed);
  assert.deepEqual(
    [told.prompt_tokens, told.completion_tokens, told.x_tandem.resumed],
    [usage.prompt_tokens, tokens, 1],
  );
  assert.equal(told.x_tandem.cost, usage.x_tandem.cost);
  for (const { requestId } of [undisturbed, disturbed]) {
    const { charged } = await recordOf(requestId);
    assert.equal(parseNanos(charged), parseNanos(usage.x_tandem.cost), "charged as told");
  }
  const { attempts = [] } = await recordOf(disturbed.requestId);
  assert.ok(attempts.length >= 2, JSON.stringify(attempts));
  assert.equal((await engineProcess())?.deaths, 1);
});

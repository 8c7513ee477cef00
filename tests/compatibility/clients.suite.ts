import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { assertLeavingCancels } from "./cancellation.ts";
import type { Asked, Client } from "./clients/client.ts";
import type { ClientsTable } from "./clients-table.ts";
import { freshPrompt } from "./prompt.ts";
import { notingFetch } from "./statuses.ts";
import type { Target } from "./target.ts";

/** Of the estimate that stands in for a count: half to three times. */
const guessFactor = 3;

/** What every client has to get, whatever dialect it speaks and whoever answers behind it. */
export function clientsSuite(
  client: Client,
  targetOf: () => Target,
  given: { readonly upstream: "openai" | "anthropic"; readonly table?: ClientsTable },
): void {
  const { upstream, table } = given;
  const got = (...outcomes: readonly string[]): void => table?.note(client, ...outcomes);
  const isClaude = upstream === "anthropic";
  const asked = (prompt: string, part: Partial<Asked> = {}): Asked => {
    const { origin, apiKey, model, claude } = targetOf();
    return { origin, apiKey, model: isClaude ? claude : model, prompt, ...part };
  };
  describe(`${client.name}, ${upstream} upstream`, () => {
    answers(client, asked, got);
    refusals(client, { asked, targetOf, got });
    const engineOf = () => (isClaude ? targetOf().claudeEngine : targetOf().engine);
    troubles(client, { asked, engineOf, got });
  });
}

/** To be looked at again with llamaindex' next major, and not after 30 June 2027. */
const readsOnWhy = "this client reads a stream to its end, whatever its user does";

type Ask = (prompt: string, part?: Partial<Asked>) => Asked;
type Got = (...outcomes: readonly string[]) => void;

function answers(client: Client, asked: Ask, got: Got): void {
  test("a stream has the same words and the same usage as a whole answer", async () => {
    const { content, expected } = freshPrompt();
    const whole = await client.whole(asked(content));
    assert.equal(whole.text, expected);
    assert.equal(whole.outputTokens, 16);
    let pieces = 0;
    const streamed = await client.stream(asked(content), () => {
      pieces += 1;
      return "go";
    });
    assert.ok(pieces > 1);
    if (client.guessesInput === true) {
      const { inputTokens } = streamed;
      assert.ok(inputTokens * guessFactor > whole.inputTokens, `${inputTokens}`);
      assert.ok(inputTokens < whole.inputTokens * guessFactor, `${inputTokens}`);
      assert.deepEqual({ ...streamed, inputTokens: 0 }, { ...whole, inputTokens: 0 });
    } else if (client.lacksUsage === true) assert.equal(streamed.text, whole.text);
    else assert.deepEqual(streamed, whole);
    got("stream", "whole", "usage");
  });

  test("a tool is called, and the conversation goes on with its result", async () => {
    const { content } = freshPrompt();
    const { name, city, text } = await client.toolLoop(asked(`${content}: ask weather`));
    assert.equal(name, "weather");
    assert.equal(typeof city, "string");
    assert.ok(text.length > 0);
    got("tools");
  });

  test("a document is written to a schema", async () => {
    const { answer } = (await client.json(asked(freshPrompt().content))) as { answer?: unknown };
    assert.equal(typeof answer, "string");
    got("JSON");
  });
}

function refusals(
  client: Client,
  { asked, targetOf, got }: { asked: Ask; targetOf: () => Target; got: Got },
): void {
  test("a bad key is 401, and an unknown model is named", async () => {
    const failure = await failureOf(client.whole(asked("x", { apiKey: "sk-not-a-key" })));
    assert.equal(client.statusOf(failure), 401, String(failure));
    const unknown = await failureOf(client.whole(asked("x", { model: "no-such-model" })));
    assert.match(String((unknown as Error).message), /no-such-model/);
    const streamed = await failureOf(client.stream(asked("x", { model: "no-such-model" })));
    assert.match(String((streamed as Error).message), /no-such-model/);
    got("error");
  });

  test("too fast is waited for and answered", async () => {
    for (let round = 0; ; round += 1) {
      const { fetch, statuses } = notingFetch();
      const codes: string[] = [];
      const onRefusal = (code: string): unknown => codes.push(code);
      const { content, expected } = freshPrompt();
      const apiKey = await targetOf().makeExhaustedKey();
      const told = await client.whole(asked(content, { apiKey, maxRetries: 6, fetch, onRefusal }));
      assert.equal(told.text, expected);
      if (client.hidesStatuses !== true) assert.equal(statuses.at(-1), 200);
      if (codes[0] === "resource_exhausted" || statuses[0] === 429) break;
      // A second after the limit was reached one more fits, and a busy machine may take that long.
      assert.ok(round < 4, "it was never refused");
    }
    got("rate limit");
  });

  test("no balance is told as that, and not asked again", async () => {
    const { fetch, statuses } = notingFetch();
    const codes: string[] = [];
    const onRefusal = (code: string): unknown => codes.push(code);
    const apiKey = await targetOf().spentKey();
    const given = { apiKey, maxRetries: 1, fetch, onRefusal };
    const failure = await failureOf(client.whole(asked("x", given)));
    assert.match(String((failure as Error).message), /budget|402/i);
    if (client.hidesStatuses === true) assert.deepEqual(codes, ["failed_precondition"]);
    else assert.ok(statuses[0] === 402 && statuses.length <= 2, statuses.join());
    got("no balance");
  });
}

function troubles(
  client: Client,
  { asked, engineOf, got }: { asked: Ask; engineOf: () => Target["engine"]; got: Got },
): void {
  test("leaving a stream cancels the upstream within 50 ms", async (context) => {
    if (client.readsOn === true) return context.skip(readsOnWhy);
    await assertLeavingCancels(engineOf(), async (content) => {
      let leftMs = 0;
      const leave = () => {
        leftMs ||= performance.now();
        return "leave" as const;
      };
      await client.stream(asked(content), leave);
      return leftMs;
    });
    got("abort");
  });

  test("a stream that breaks is an error, and never just ends", async () => {
    const engine = engineOf();
    engine.always({ kind: "stop-short", afterEvents: 8 });
    engine.pace({ tokensPerSecond: 200 });
    try {
      await failureOf(client.stream(asked(freshPrompt(40).content)));
    } finally {
      engine.always(undefined);
      engine.pace({});
    }
    const { content, expected } = freshPrompt();
    assert.equal((await client.whole(asked(content, { maxRetries: 6 }))).text, expected);
    got("broken upstream");
  });
}

async function failureOf(answer: Promise<unknown>): Promise<unknown> {
  const told = await answer.then(
    (value) => ({ value }),
    (error: unknown) => ({ error }),
  );
  assert.ok("error" in told, `no error, but ${JSON.stringify(told)}`);
  return told.error;
}

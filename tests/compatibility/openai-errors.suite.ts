import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type OpenAI from "openai";
import type { OpenAIVersion } from "./openai.suite.ts";
import { freshPrompt } from "./prompt.ts";
import type { KeyWishes, Target } from "./target.ts";

/** The classes are those of the client that is tested, so errors are known by their names. */
interface ApiError extends Error {
  readonly status?: number;
  readonly code?: string | null;
  readonly type?: string | null;
  readonly headers?: unknown;
}

interface Asking {
  readonly key?: KeyWishes | string;
  readonly maxRetries?: number;
  readonly body?: object;
  readonly prompt?: string;
}

/** Errors and retries as the openai client of either version shows them to a program. */
export function openaiErrorsSuite({ name, Client }: OpenAIVersion, targetOf: () => Target): void {
  const failing: Failing = async ({ key, maxRetries = 0, body = {}, prompt }) => {
    const { origin, apiKey, makeKey, model } = targetOf();
    const secret = typeof key === "object" ? await makeKey(key) : (key ?? apiKey);
    const attempts: Attempt[] = [];
    const client = new Client({
      ...{ baseURL: `${origin}/v1`, apiKey: secret, maxRetries },
      fetch: async (...given: Parameters<typeof fetch>) => {
        const response = await fetch(...given);
        // No clone: the client waits for a body that it cancels, and half a body cannot be.
        attempts.push({ status: response.status, headers: response.headers });
        return response;
      },
    });
    const messages = [{ role: "user" as const, content: prompt ?? freshPrompt().content }];
    const ask = () => client.chat.completions.create({ model, messages, ...body });
    return { ask: ask as () => Promise<OpenAI.ChatCompletion>, attempts };
  };
  describe(`errors, ${name}`, () => {
    refusals(failing);
    tooFast(failing);
    upstreamTroubles(failing, targetOf);
  });
}

type Failing = (asking: Asking) => Promise<{
  readonly ask: () => Promise<OpenAI.ChatCompletion>;
  readonly attempts: readonly Attempt[];
}>;

const is402 = ({ status }: Attempt): boolean => status === 402;

type Attempt = Pick<Response, "status" | "headers">;

interface Expected {
  readonly className: string;
  readonly status: readonly number[];
  readonly code?: RegExp;
  readonly message?: RegExp;
}

async function rejectsAs(ask: () => Promise<unknown>, expected: Expected): Promise<ApiError> {
  let caught: ApiError | undefined;
  await assert.rejects(ask(), (error: ApiError) => {
    assert.equal(error.constructor.name, expected.className, String(error));
    assert.ok(expected.status.includes(error.status ?? 0), `status ${error.status}`);
    if (expected.code) assert.match(error.code ?? "", expected.code);
    if (expected.message) assert.match(error.message, expected.message);
    assert.ok(error.type, "no type");
    caught = error;
    return true;
  });
  assert.ok(caught);
  return caught;
}

function refusals(failing: Failing): void {
  const cases: readonly (readonly [name: string, asking: Asking, expected: Expected])[] = [
    [
      "an unknown key is an AuthenticationError",
      { key: "sk-not-a-key" },
      { className: "AuthenticationError", status: [401], code: /invalid/ },
    ],
    [
      "a key without the scope is a PermissionDeniedError",
      { key: { scopes: ["models:read"] } },
      { className: "PermissionDeniedError", status: [403] },
    ],
    [
      "an unknown model is a BadRequestError that names it, as with DeepSeek",
      { body: { model: "no-such-model" } },
      { className: "BadRequestError", status: [400], message: /no-such-model/ },
    ],
    [
      "a value out of its range is an UnprocessableEntityError that names the field",
      { body: { temperature: 3 } },
      { className: "UnprocessableEntityError", status: [422], message: /temperature/ },
    ],
    [
      "a negative max_tokens is an UnprocessableEntityError",
      { body: { max_tokens: -1 } },
      { className: "UnprocessableEntityError", status: [422], message: /max_tokens/ },
    ],
    [
      "a prompt beyond the context is a BadRequestError with that code",
      { prompt: "many words ".repeat(40_000) },
      { className: "BadRequestError", status: [400], code: /context_length_exceeded/ },
    ],
    [
      "a body over the limit is an APIError with 413",
      { prompt: "x".repeat(11 * 2 ** 20) },
      { className: "APIError", status: [413] },
    ],
  ];
  for (const [name, asking, expected] of cases) {
    test(`${name}, and is not tried again`, async () => {
      const { ask, attempts } = await failing({ ...asking, maxRetries: 2 });
      await rejectsAs(ask, expected);
      assert.equal(attempts.length, 1);
      assert.match(attempts[0]?.headers.get("x-request-id") ?? "", /^req_/);
    });
  }
}

function tooFast(failing: Failing): void {
  test("a spent budget is an APIError with 402, and is not tried again", async () => {
    const { ask, attempts } = await failing({ key: { budgetPerDay: "0.000001" }, maxRetries: 2 });
    // A lease that is older than the budget may be spent from for as long as it is valid.
    const isKnown = () => attempts.length > 5 && attempts.slice(-6).every(is402);
    const deadlineMs = performance.now() + 6_000;
    while (!isKnown() && performance.now() < deadlineMs) await ask().catch(() => undefined);
    const before = attempts.length;
    await rejectsAs(ask, { className: "APIError", status: [402], message: /budget/i });
    assert.equal(attempts.length, before + 1);
  });

  test("too fast is a RateLimitError that says when to come back", async () => {
    const { ask, attempts } = await failing({ key: { requestsPerMinute: 2 } });
    for (let call = 0; call < 2; call += 1) await ask();
    await rejectsAs(
      async () => {
        for (let call = 0; call < 5; call += 1) await ask();
      },
      { className: "RateLimitError", status: [429], code: /rate_limit/ },
    );
    const refused = attempts.at(-1)?.headers;
    assert.match(refused?.get("retry-after") ?? "", /^([1-9]|[1-5]\d|60)$/);
    assert.equal(refused?.get("x-ratelimit-limit-requests"), "2");
    assert.equal(refused.get("x-ratelimit-remaining-requests"), "0");
    assert.match(refused.get("x-ratelimit-reset-requests") ?? "", /^\d+(\.\d+)?(ms|s|m)/);
  });

  test("a client that waits as long as it is told gets its answer", async () => {
    // Sixty a minute: the next one is due within a second or two.
    const { ask, attempts } = await failing({ key: { requestsPerMinute: 60 }, maxRetries: 5 });
    for (let call = 0; call < 70; call += 1) {
      await ask();
      if (attempts.some(({ status }) => status === 429)) return;
    }
    assert.fail("seventy calls at once passed a limit of sixty a minute");
  });
}

function upstreamTroubles(failing: Failing, targetOf: () => Target): void {
  test("a failing upstream is an InternalServerError, tried by us and not by the client", async () => {
    const { engine } = targetOf();
    engine.always({ kind: "status", status: 500 });
    try {
      const { ask, attempts } = await failing({ maxRetries: 2 });
      await rejectsAs(ask, { className: "InternalServerError", status: [502, 503] });
      const retries = attempts.at(-1)?.headers.get("x-should-retry");
      assert.equal(attempts.length, retries === "false" ? 1 : 3);
    } finally {
      engine.always(undefined);
    }
    await backToNormal(failing);
  });

  test("a stream that breaks and cannot go on throws in the middle, and never just ends", async () => {
    const { engine } = targetOf();
    engine.always({ kind: "stop-short", afterEvents: 2 });
    try {
      const { ask } = await failing({ body: { stream: true } });
      await assert.rejects(
        async () => {
          const stream = (await ask()) as unknown as AsyncIterable<OpenAI.ChatCompletionChunk>;
          for await (const chunk of stream)
            assert.equal(chunk.choices[0]?.finish_reason ?? null, null);
        },
        (error: ApiError) => error.constructor.name === "APIError" && Boolean(error.code),
      );
    } finally {
      engine.always(undefined);
    }
    await backToNormal(failing);
  });
}

/** An upstream that failed may be left alone for a moment; the client's own patience covers that. */
async function backToNormal(failing: Failing): Promise<void> {
  const { ask } = await failing({ maxRetries: 5 });
  assert.equal((await ask()).object, "chat.completion");
}

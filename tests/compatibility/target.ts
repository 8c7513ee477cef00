import { type MockEngine, mockEngine, startTandem, type Tandem } from "@tandem/libs/testing";
import { z } from "zod";

/** The running product, as the clients see it, and the engine whose answers they must get. */
export interface Target {
  /** Without a path: `http://127.0.0.1:4600`. */
  readonly origin: string;
  /** `127.0.0.1:4601`. */
  readonly grpcAddress: string;
  readonly apiKey: string;
  readonly model: string;
  /** A model that thinks before it answers. */
  readonly thinker: string;
  readonly engine: MockEngine;
  /** A model of an upstream that speaks Anthropic's API, and that upstream's engine. */
  readonly claude: string;
  readonly claudeEngine: MockEngine;
  /** A key whose budget is spent; the same for all. */
  spentKey(): Promise<string>;
  /** A key of its own, with limits or without. */
  makeKey(given?: KeyWishes): Promise<string>;
  /** A key whose limit of sixty requests a minute has just been reached: a second later one fits. */
  makeExhaustedKey(): Promise<string>;
  /** Names of the phases that a request went through; none while that is not known. */
  phasesOf(requestId: string): Promise<readonly string[]>;
  close(): Promise<void>;
}

export interface KeyWishes {
  /** Requests a minute. */
  readonly requestsPerMinute?: number;
  /** Of currency units a day. */
  readonly budgetPerDay?: string;
  readonly scopes?: readonly string[];
}

const context = 32_768;
const price = { inputPerMillion: "1", outputPerMillion: "2" };
const capabilities =
  "chat completions fim tools json_object json_schema prefix reasoning logprobs".split(" ");
const phasesSchema = z.object({ phases: z.array(z.object({ name: z.string() })) });
const keySchema = z.object({ id: z.string(), secret: z.string() });

export async function openTarget(): Promise<Target> {
  const engine = await mockEngine({
    profile: "deepseek",
    models: [
      { id: "mock-1", contextTokens: context },
      { id: "mock-thinker", contextTokens: context, reasoningTokens: 6 },
    ],
    cachedTokens: 2,
  });
  const claudeEngine = await mockEngine({
    ...{ profile: "anthropic", apiKey: "of-anthropic", cachedTokens: 2 },
    models: [{ id: "mock-claude", contextTokens: context }],
  });
  const tandem = await startTandem({
    settings: {
      inference: {
        upstreams: [
          { name: "mock", profile: "deepseek", baseUrl: engine.baseUrl },
          {
            ...{ name: "claude", profile: "anthropic", apiKey: "of-anthropic" },
            baseUrl: claudeEngine.baseUrl,
          },
        ],
      },
      models: {
        models: [
          ...["mock-1", "mock-thinker"].map((id) => ({ id, upstream: "mock" })),
          { id: "mock-claude", upstream: "claude" },
        ].map(({ id, upstream }) => ({
          ...{ id, contextTokens: context, price, capabilities },
          targets: [{ upstream, model: id }],
        })),
      },
    },
  });
  let spent: Promise<string> | undefined;
  return {
    origin: tandem.origin,
    grpcAddress: tandem.origin.replace("http://", ""),
    apiKey: tandem.apiKey,
    model: "mock-1",
    thinker: "mock-thinker",
    engine,
    claude: "mock-claude",
    claudeEngine,
    spentKey: () => {
      spent ??= makeSpentKey(tandem);
      return spent;
    },
    makeKey: (given = {}) => makeKey(tandem, given),
    makeExhaustedKey: () => makeExhaustedKey(tandem),
    phasesOf: (requestId) => phasesOf(tandem, requestId),
    async close() {
      await tandem.stop();
      await engine.close();
      await claudeEngine.close();
    },
  };
}

async function makeKey(tandem: Tandem, given: KeyWishes): Promise<string> {
  const { requestsPerMinute, budgetPerDay, scopes = ["inference"] } = given;
  const made = await post(tandem, "/keys", { name: "of a test", scopes });
  const { id, secret } = keySchema.parse(made);
  if (requestsPerMinute !== undefined) {
    const limit = { kind: "requests", amount: requestsPerMinute, window_seconds: 60 };
    await post(tandem, "/limits", { key_id: id, ...limit });
  }
  if (budgetPerDay !== undefined) {
    await post(tandem, "/budgets", { key_id: id, amount: budgetPerDay, period: "day" });
  }
  return secret;
}

async function makeExhaustedKey(tandem: Tandem): Promise<string> {
  const secret = await makeKey(tandem, { requestsPerMinute: 60 });
  for (let call = 0; call < 200; call += 1) {
    if ((await statusOfCall(tandem, secret)) === 429) return secret;
  }
  throw new Error("two hundred calls passed a limit of sixty a minute");
}

async function phasesOf(tandem: Tandem, requestId: string): Promise<readonly string[]> {
  const response = await fetch(`${tandem.adminUrl}/requests/${requestId}`, {
    headers: { authorization: `Bearer ${tandem.adminKey}` },
  });
  if (response.status === 404) return [];
  const { phases } = phasesSchema.parse(await response.json());
  return phases.map(({ name }) => name);
}

/** Both gateways have to know of the budget; a lease that is older may be spent from for a while. */
async function makeSpentKey(tandem: Tandem): Promise<string> {
  const secret = await makeKey(tandem, { budgetPerDay: "0.000001" });
  const endMs = performance.now() + 10_000;
  let refused = 0;
  while (refused < 8) {
    refused = (await statusOfCall(tandem, secret)) === 402 ? refused + 1 : 0;
    if (performance.now() > endMs) throw new Error("a budget of a millionth is not spent");
  }
  return secret;
}

async function statusOfCall(tandem: Tandem, secret: string): Promise<number> {
  const response = await fetch(`${tandem.baseUrl}/chat/completions`, {
    method: "POST",
    headers: { authorization: `Bearer ${secret}`, "content-type": "application/json" },
    body: JSON.stringify({ model: "mock-1", messages: [{ role: "user", content: "x" }] }),
  });
  await response.arrayBuffer();
  return response.status;
}

async function post(tandem: Tandem, path: string, body: object): Promise<unknown> {
  const response = await fetch(tandem.adminUrl + path, {
    method: "POST",
    headers: {
      authorization: `Bearer ${tandem.adminKey}`,
      "content-type": "application/json",
      "idempotency-key": crypto.randomUUID(),
    },
    body: JSON.stringify(body),
  });
  if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
  return response.json();
}

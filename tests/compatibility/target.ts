import {
  type EngineFault,
  type MockEngine,
  mockEngine,
  startTandem,
  type Tandem,
} from "@tandem/libs/testing";
import { z } from "zod";

/** Where the product is, and what to say to it. */
export interface Place {
  /** Without a path: `http://127.0.0.1:4600`. */
  readonly origin: string;
  /** `127.0.0.1:4601`. */
  readonly grpcAddress: string;
  readonly apiKey: string;
  readonly model: string;
}

/** The running product, as the clients see it, and the engine whose answers they must get. */
export interface Target extends Place {
  /** A model that thinks before it answers. */
  readonly thinker: string;
  readonly engine: MockEngine;
  /** A model of an upstream that speaks Anthropic's API, and that upstream's engine. */
  readonly claude: string;
  readonly claudeEngine: MockEngine;
  /** What the models of each kind are called, by what is behind them. */
  readonly models: { readonly words: ModelNames; readonly vectors: ModelNames };
  /** Taken by the next call of a `pair`, whichever of its upstreams is asked. */
  readonly sharedFaults: EngineFault[];
  /** A key whose budget is spent; the same for all. */
  spentKey(): Promise<string>;
  /** A key of its own, with limits or without. */
  makeKey(given?: KeyWishes): Promise<string>;
  /** A key whose limit of sixty requests a minute has just been reached: a second later one fits. */
  makeExhaustedKey(): Promise<string>;
  /** What became of a request; undefined while that is not known. */
  recordOf(requestId: string): Promise<RequestRecord | undefined>;
  close(): Promise<void>;
}

export interface ModelNames {
  readonly usual: string;
  /** On two upstreams that share their faults. */
  readonly pair: string;
  /** On one that begins a stream, and falls silent; what is no stream never begins. */
  readonly stalling: string;
}

export interface RequestRecord {
  /** Names of the phases that it went through. */
  readonly phases: readonly string[];
  /** Decimal text. */
  readonly charged: string;
}

export interface KeyWishes {
  /** Requests a minute. */
  readonly requestsPerMinute?: number;
  /** Of currency units a day. */
  readonly budgetPerDay?: string;
  readonly scopes?: readonly string[];
  /** The only ones that it may use. */
  readonly models?: readonly string[];
}

const context = 32_768;
const price = { inputPerMillion: "1", outputPerMillion: "2" };
const capabilities =
  "chat completions fim tools json_object json_schema prefix reasoning logprobs".split(" ");
const recordSchema = z.object({
  phases: z.array(z.object({ name: z.string() })),
  charged: z.object({ amount: z.string() }),
});
const keySchema = z.object({ id: z.string(), secret: z.string() });

const words = { usual: "mock-1", pair: "mock-pair", stalling: "mock-stalling" };
const vectors = { usual: "embed-1", pair: "embed-pair", stalling: "embed-stalling" };

/** Which upstreams have a model; under its own name everywhere. */
const homes: Readonly<Record<string, readonly string[]>> = {
  ...{ "mock-1": ["mock"], "mock-thinker": ["mock"], "mock-claude": ["claude"] },
  ...{ "mock-pair": ["left", "right"], "mock-stalling": ["silent"] },
  ...{ "embed-1": ["mock"], "embed-pair": ["left", "right"], "embed-stalling": ["silent"] },
};

interface Engines {
  readonly mock: MockEngine;
  readonly left: MockEngine;
  readonly right: MockEngine;
  readonly silent: MockEngine;
  readonly claude: MockEngine;
}

async function openEngines(sharedFaults: EngineFault[]): Promise<Engines> {
  const model = (id: string) => ({
    ...{ id, contextTokens: context },
    ...(id === "mock-thinker" ? { reasoningTokens: 6 } : {}),
  });
  const usual = { profile: "deepseek", cachedTokens: 2 } as const;
  const of = (name: string) =>
    Object.keys(homes)
      .filter((id) => homes[id]?.includes(name))
      .map(model);
  const silent = await mockEngine({
    ...{ ...usual, models: of("silent") },
    faultOf: ({ stream }) => (stream ? { kind: "cut", atByte: 2_000, how: "stall" } : undefined),
  });
  silent.always({ kind: "hang" });
  return {
    mock: await mockEngine({ ...usual, models: of("mock") }),
    left: await mockEngine({ ...usual, models: of("left"), sharedFaults }),
    right: await mockEngine({ ...usual, models: of("right"), sharedFaults }),
    silent,
    claude: await mockEngine({
      ...{ profile: "anthropic", apiKey: "of-anthropic", cachedTokens: 2 },
      models: of("claude"),
    }),
  };
}

function settingsFor(engines: Engines) {
  const { claude, silent, ...others } = engines;
  const timeouts = { firstTokenTimeoutMs: "2s", idleTimeoutMs: "1s", totalTimeoutMs: "3s" };
  const usual = { profile: "deepseek" };
  return {
    inference: {
      upstreams: [
        ...Object.entries(others).map(([name, { baseUrl }]) => ({ name, ...usual, baseUrl })),
        { name: "silent", ...usual, baseUrl: silent.baseUrl, ...timeouts },
        {
          ...{ name: "claude", profile: "anthropic", apiKey: "of-anthropic" },
          baseUrl: claude.baseUrl,
        },
      ],
    },
    models: {
      models: Object.entries(homes).map(([id, upstreams]) => ({
        ...{ id, contextTokens: context, price },
        capabilities: id.startsWith("embed") ? ["embeddings"] : capabilities,
        targets: upstreams.map((upstream) => ({ upstream, model: id })),
      })),
    },
  };
}

export async function openTarget(): Promise<Target> {
  const sharedFaults: EngineFault[] = [];
  const engines = await openEngines(sharedFaults);
  const tandem = await startTandem({ settings: settingsFor(engines) });
  let spent: Promise<string> | undefined;
  return {
    origin: tandem.origin,
    grpcAddress: tandem.grpcAddress,
    apiKey: tandem.apiKey,
    model: "mock-1",
    thinker: "mock-thinker",
    engine: engines.mock,
    claude: "mock-claude",
    claudeEngine: engines.claude,
    models: { words, vectors },
    sharedFaults,
    spentKey: () => {
      spent ??= makeSpentKey(tandem);
      return spent;
    },
    makeKey: (given = {}) => makeKey(tandem, given),
    makeExhaustedKey: () => makeExhaustedKey(tandem),
    recordOf: (requestId) => recordOf(tandem, requestId),
    async close() {
      await tandem.stop();
      for (const engine of Object.values(engines)) await engine.close();
    },
  };
}

async function makeKey(tandem: Tandem, given: KeyWishes): Promise<string> {
  const { requestsPerMinute, budgetPerDay, scopes = ["inference"], models = [] } = given;
  const wishes = { name: "of a test", scopes, allowed_models: models };
  const made = await post(tandem, "/keys", wishes);
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

async function recordOf(tandem: Tandem, requestId: string): Promise<RequestRecord | undefined> {
  const response = await fetch(`${tandem.adminUrl}/requests/${requestId}`, {
    headers: { authorization: `Bearer ${tandem.adminKey}` },
  });
  if (response.status === 404) return undefined;
  const { phases, charged } = recordSchema.parse(await response.json());
  return { phases: phases.map(({ name }) => name), charged: charged.amount };
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

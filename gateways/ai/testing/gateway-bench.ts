import type { Replica } from "@tandem/libs/service";
import {
  type HttpAnswer,
  httpRequest,
  type MockEngine,
  type MockEngineOptions,
  mockEngine,
  promptHashOf,
  referenceText,
} from "@tandem/libs/testing";
import { FakePlatform } from "./fake-platform.ts";

/** A gateway over two mock engines, with a paid and a free model, and ways to ask it. */
export interface GatewayBench {
  readonly platform: FakePlatform;
  readonly first: MockEngine;
  readonly second: MockEngine;
  gateway: Replica;
  /** A key of an organisation with 10 USD. */
  readonly key: string;
  post(path: string, body: object | string | Buffer, headers?: Headers): Promise<HttpAnswer>;
  /** A chat with the model `paid`, unless `part` says otherwise. */
  chat(content: string, part?: object, headers?: Headers): Promise<HttpAnswer>;
  get(path: string, headers?: Headers): Promise<HttpAnswer>;
  /** Both upstreams as if nothing had ever happened to them: what broke is nobody's business. */
  heal(part?: object): Promise<void>;
  restart(settings?: Readonly<Record<string, unknown>>): Promise<void>;
  close(): Promise<void>;
}

type Headers = Readonly<Record<string, string>>;

/** A dollar for a million input tokens, two for output; a tenth where it was cached. */
export const price = {
  id: "prc_1",
  model: "paid",
  currency: "USD",
  inputNanos: 1_000_000_000n,
  cachedInputNanos: 100_000_000n,
  outputNanos: 2_000_000_000n,
  upstreamInputNanos: 500_000_000n,
};

/** Nothing at all, and said so. */
const nothing = { inputNanos: 0n, cachedInputNanos: 0n, outputNanos: 0n };

function setCatalogue(platform: FakePlatform): void {
  const both = [
    { upstream: "one", model: "mock-1", order: 1 },
    { upstream: "two", model: "mock-1", order: 2 },
  ];
  platform.setModels(
    [
      { id: "paid", targets: both },
      { id: "free", targets: both },
      { id: "plain", targets: both, capabilities: ["chat"], contextTokens: 1_000 },
      { id: "unpriced", targets: both },
      { id: "own", targets: [{ upstream: "own", model: "mock-1" }] },
      { id: "quotes", targets: [{ upstream: "articles", model: "extractive" }] },
    ],
    [
      price,
      { ...nothing, id: "prc_2", model: "free", currency: "USD" },
      { ...nothing, id: "prc_3", model: "plain", currency: "USD" },
      { ...price, id: "prc_4", model: "quotes" },
    ],
  );
}

export async function openBench(
  options: {
    readonly engine?: MockEngineOptions;
    readonly settings?: Readonly<Record<string, unknown>>;
    /** What the upstreams are called with; the profile `openai` and no key. */
    readonly upstream?: { readonly profile: string; readonly apiKey?: string };
    /** Time limits of the upstreams, in milliseconds. */
    readonly timeouts?: {
      readonly firstTokenTimeoutMs?: number;
      readonly idleTimeoutMs?: number;
      readonly totalTimeoutMs?: number;
    };
  } = {},
): Promise<GatewayBench> {
  const first = await mockEngine({ cachedTokens: 2, ...options.engine });
  const second = await mockEngine({ cachedTokens: 2, ...options.engine });
  const platform = new FakePlatform();
  const { upstream, timeouts } = options;
  const upstreams = newUpstreams(platform, { first, second, common: { ...upstream, ...timeouts } });
  setCatalogue(platform);
  await platform.start();
  const bench = {
    platform,
    first,
    second,
    gateway: await platform.startGateway(options.settings),
    key: platform.addKey({ organisationId: "org_main" }),
    post: (path: string, body: object | string | Buffer, headers: Headers = {}) =>
      httpRequest(bench.gateway.address, {
        method: "POST",
        path,
        body,
        headers: { authorization: `Bearer ${bench.key}`, ...headers },
        mayBeCut: true,
      }),
    chat: (content: string, part: object = {}, headers: Headers = {}) =>
      bench.post(
        "/v1/chat/completions",
        { model: "paid", messages: [{ role: "user", content }], ...part },
        headers,
      ),
    get: (path: string, headers: Headers = {}) =>
      httpRequest(bench.gateway.address, {
        path,
        headers: { authorization: `Bearer ${bench.key}`, ...headers },
      }),
    async heal(part: object = {}) {
      for (const engine of [first, second]) {
        engine.always(undefined);
        engine.pace({});
      }
      upstreams.renew(part);
      while (!upstreams.areInUse())
        await bench.chat(freshPrompt(1).content, { model: "free", max_tokens: 1 });
    },
    async restart(settings: Readonly<Record<string, unknown>> = {}) {
      await bench.gateway.close({ deadlineMs: 1_000 });
      bench.gateway = await platform.startGateway(settings);
    },
    async close() {
      await bench.gateway.close({ deadlineMs: 1_000 });
      await platform.close();
      await first.close();
      await second.close();
    },
  };
  return bench;
}

/** Upstreams without a past, as often as one is wanted: another key makes another upstream. */
function newUpstreams(
  platform: FakePlatform,
  given: { readonly first: MockEngine; readonly second: MockEngine; readonly common: object },
) {
  const { first, second, common } = given;
  let generation = 0;
  const set = (part: object): void =>
    platform.setUpstreams([
      { name: "one", baseUrl: first.baseUrl, ...common, ...part },
      { name: "two", baseUrl: second.baseUrl, ...common, ...part },
      { name: "own", baseUrl: first.baseUrl, ...common, profile: "vllm" },
    ]);
  set({});
  return {
    renew(part: object): void {
      generation += 1;
      set({ apiKey: `k${generation}`, ...part });
    },
    areInUse: (): boolean =>
      first.calls.at(-1)?.headers["authorization"] === `Bearer k${generation}`,
  };
}

let prompts = 0;

/** A turn that nobody has asked before, and what the engine says to it. */
export function freshPrompt(tokens = 16): { readonly content: string; readonly expected: string } {
  prompts += 1;
  const content = `gateway ${process.pid} ${prompts} tokens=${tokens}`;
  const hash = promptHashOf([{ role: "user", text: content }]);
  return { content, expected: referenceText(hash, tokens) };
}

export function errorIn(answer: HttpAnswer): {
  readonly type: string;
  readonly code: string;
  readonly message: string;
  readonly param: string | null;
  readonly [name: string]: unknown;
} {
  return (answer.json as { error: ReturnType<typeof errorIn> }).error;
}

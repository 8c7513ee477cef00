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
    ],
    [
      price,
      { ...nothing, id: "prc_2", model: "free", currency: "USD" },
      { ...nothing, id: "prc_3", model: "plain", currency: "USD" },
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
  platform.setUpstreams([
    { name: "one", baseUrl: first.baseUrl, ...options.upstream, ...options.timeouts },
    { name: "two", baseUrl: second.baseUrl, ...options.upstream, ...options.timeouts },
    { name: "own", baseUrl: first.baseUrl, profile: "vllm", ...options.timeouts },
  ]);
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

import {
  type MockEngine,
  type MockEngineOptions,
  mockEngine,
  startTandem,
  type Tandem,
  type TandemOptions,
} from "@tandem/libs/testing";

/** The product with a mock engine behind it, for one test file. */
export interface Product {
  readonly tandem: Tandem;
  readonly engine: MockEngine;
  readonly port: number;
  /** Calls the management plane with the admin key; rejects unless the answer is 2xx. */
  manage(method: string, path: string, body?: object): Promise<Record<string, unknown>>;
  close(): Promise<void>;
}

/** A million prompt tokens cost one dollar, a million answer tokens two: every call costs money. */
export const price = { inputPerMillion: "1", outputPerMillion: "2" };

/** What the catalogue has, unless a test declares its own. */
export const mockModel = {
  ...{ id: "mock-1", contextTokens: 32_768, price },
  targets: ["mock", "spare"].map((upstream) => ({ upstream, model: "mock-1" })),
};

/** Two upstreams, though one engine is behind both: so there is another one to try. */
const upstreamNames = ["mock", "spare"];

export async function openProduct(
  options: TandemOptions = {},
  engineOptions: MockEngineOptions = {},
): Promise<Product> {
  const engine = await mockEngine({ profile: "vllm", ...engineOptions });
  const settings = {
    ...options.settings,
    inference: {
      upstreams: upstreamNames.map((name) => ({
        ...{ name, profile: "vllm", baseUrl: engine.baseUrl },
        ...{ firstTokenTimeoutMs: "2s", idleTimeoutMs: "2s", totalTimeoutMs: "4s" },
      })),
      ...options.settings?.["inference"],
    },
    models: {
      models: [mockModel],
      ...options.settings?.["models"],
    },
  };
  const tandem = await startTandem({ ...options, settings }).catch(async (error: unknown) => {
    await engine.close();
    throw error;
  });
  return {
    tandem,
    engine,
    port: Number(new URL(tandem.origin).port),
    manage: (method, path, body) => manage(tandem, { method, path, body }),
    async close() {
      await tandem.stop();
      await engine.close();
    },
  };
}

async function manage(
  tandem: Tandem,
  call: { readonly method: string; readonly path: string; readonly body: object | undefined },
): Promise<Record<string, unknown>> {
  const response = await fetch(`${tandem.adminUrl}${call.path}`, {
    method: call.method,
    headers: {
      authorization: `Bearer ${tandem.adminKey}`,
      "content-type": "application/json",
      "idempotency-key": crypto.randomUUID(),
    },
    ...(call.body && { body: JSON.stringify(call.body) }),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${call.method} ${call.path}: ${response.status} ${text}`);
  return text === "" ? {} : (JSON.parse(text) as Record<string, unknown>);
}

/**
 * A mock engine on a thread of its own: what it answers under a flood must wait neither for the
 * flood nor for the checks, or the harness would be what cannot carry more.
 */
import { once } from "node:events";
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import { type EngineFault, mockEngine } from "@tandem/libs/testing";
import { z } from "zod";

/** What can be asked of an engine from another thread. Orders take effect a moment later. */
export interface EngineThread {
  readonly baseUrl: string;
  /** Requests for generation so far, in the order they came. */
  readonly calls: readonly { readonly bodyText: string }[];
  always(fault: EngineFault | undefined): void;
  pace(pace: { readonly tokensPerSecond?: number; readonly firstTokenDelayMs?: number }): void;
  close(): Promise<void>;
}

type Order =
  | { readonly kind: "always"; readonly fault: EngineFault | undefined }
  | { readonly kind: "pace"; readonly pace: Parameters<EngineThread["pace"]>[0] };

const readySchema = z.object({ baseUrl: z.string() });
const callsSchema = z.object({ calls: z.array(z.string()) });
/** Calls are told in heaps, since each word between threads costs both of them. */
const tellPeriodMs = 20;

export async function engineThread(options: {
  readonly tokensPerSecond: number;
}): Promise<EngineThread> {
  const worker = new Worker(new URL(import.meta.url), { workerData: options });
  const [ready] = await once(worker, "message");
  const calls: { readonly bodyText: string }[] = [];
  worker.on("message", (told) => {
    for (const bodyText of callsSchema.parse(told).calls) calls.push({ bodyText });
  });
  worker.unref();
  const order = (given: Order): void => worker.postMessage(given);
  return {
    baseUrl: readySchema.parse(ready).baseUrl,
    calls,
    always: (fault) => order({ kind: "always", fault }),
    pace: (pace) => order({ kind: "pace", pace }),
    close: async () => void (await worker.terminate()),
  };
}

async function serveEngine(port: NonNullable<typeof parentPort>): Promise<void> {
  const { tokensPerSecond } = workerData as Parameters<typeof engineThread>[0];
  const engine = await mockEngine({ profile: "vllm", tokensPerSecond });
  let told = 0;
  setInterval(() => {
    if (engine.calls.length === told) return;
    port.postMessage({ calls: engine.calls.slice(told).map(({ bodyText }) => bodyText) });
    told = engine.calls.length;
  }, tellPeriodMs);
  port.on("message", (order: Order) => {
    if (order.kind === "always") engine.always(order.fault);
    // A pace replaces the one before.
    else engine.pace({ tokensPerSecond, ...order.pace });
  });
  port.postMessage({ baseUrl: engine.baseUrl });
}

if (!isMainThread && parentPort !== null) await serveEngine(parentPort);

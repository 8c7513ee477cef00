/**
 * A fault proxy on a thread of its own, so that neither the load nor the checks, which share the
 * harness's event loop, slow down what is not meant to be slow.
 */
import { once } from "node:events";
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import { type Door, type FaultProxy, faultProxy, type ProxyFaults } from "@tandem/libs/testing";
import { z } from "zod";

/** What can be asked of a proxy from another thread. */
export type ProxyThread = Pick<FaultProxy, "door" | "set" | "cutAll" | "close">;

type Order = { readonly kind: "set"; readonly faults: ProxyFaults } | { readonly kind: "cut" };

const readySchema = z.object({ door: z.union([z.number(), z.string()]) });

export async function proxyThread(options: {
  readonly target: Door;
  readonly listen?: Door;
}): Promise<ProxyThread> {
  const worker = new Worker(new URL(import.meta.url), { workerData: options });
  const [ready] = await once(worker, "message");
  // Links that nobody closes do not keep a run from ending.
  worker.unref();
  // Orders are carried out and answered one after the other.
  let last: Promise<unknown> = Promise.resolve();
  const order = (given: Order): Promise<unknown> => {
    last = last.then(() => {
      worker.postMessage(given);
      return once(worker, "message");
    });
    return last;
  };
  return {
    door: readySchema.parse(ready).door,
    set: async (faults) => void (await order({ kind: "set", faults })),
    cutAll: () => void order({ kind: "cut" }),
    // Its sockets end with it; whatever it was about to answer is not waited for.
    close: async () => void (await worker.terminate()),
  };
}

async function serveProxy(port: NonNullable<typeof parentPort>): Promise<void> {
  const proxy = await faultProxy(workerData as Parameters<typeof proxyThread>[0]);
  const obey = async (order: Order): Promise<void> => {
    if (order.kind === "set") await proxy.set(order.faults);
    else proxy.cutAll();
    port.postMessage({ done: order.kind });
  };
  port.on("message", (order: Order) => void obey(order));
  port.postMessage({ door: proxy.door });
}

if (!isMainThread && parentPort !== null) await serveProxy(parentPort);

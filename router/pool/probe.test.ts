import assert from "node:assert/strict";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { Worker } from "node:worker_threads";
import { realWorld } from "@tandem/libs/world";
import { type ProbeResult, startProbe } from "./probe.ts";

/** Answers at once, whatever keeps the thread of the test from its work. */
const server = `
  const { createServer } = require("node:http");
  const { parentPort, workerData } = require("node:worker_threads");
  const { isReady, path } = workerData;
  const door = createServer((_request, response) => {
    response.statusCode = isReady ? 200 : 503;
    response.end();
  });
  door.listen(path, () => parentPort.postMessage("open"));
`;

const probing = { periodMs: 50, timeoutMs: 200 };

/** Turns of an event loop that each take this long. */
async function laggingFor(turns: number, turnMs: number): Promise<void> {
  for (let turn = 0; turn < turns; turn += 1) {
    const endMs = performance.now() + turnMs;
    while (performance.now() < endMs);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

test("a router that is late itself takes nobody for silent who has answered", async (context) => {
  const path = join(tmpdir(), `probe-${process.pid}.sock`);
  const worker = new Worker(server, { eval: true, workerData: { path, isReady: true } });
  context.after(() => worker.terminate());
  await once(worker, "message");
  const results: ProbeResult[] = [];
  const probe = startProbe({
    ...{ address: `unix:${path}`, world: realWorld(), ...probing },
    isQuiet: () => false,
    onResult: (result) => results.push(result),
  });
  context.after(() => probe.stop());
  await laggingFor(10, 300);
  assert.ok(results.length >= 2, `${results.length} probes`);
  assert.deepEqual(new Set(results), new Set(["ready"]));
});

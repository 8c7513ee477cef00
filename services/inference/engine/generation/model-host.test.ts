import assert from "node:assert/strict";
import { test } from "node:test";
import { createLog } from "@tandem/libs/telemetry";
import { seededWorld } from "@tandem/libs/testing";
import { ModelHost } from "./model-host.ts";

const facts = {
  id: "m",
  name: "M",
  license: "",
  purpose: "generate",
  note: "",
  sizeBytes: 1,
  contextTokens: 1,
  fingerprint: "f",
} as const;

function hostWith(prepare: () => Promise<string>) {
  const { world, advance } = seededWorld();
  const lines: string[] = [];
  const host = new ModelHost<string>({
    world,
    log: createLog({ level: "info", fields: {}, write: (line) => lines.push(line) }),
    backOff: { firstMs: 100, lastMs: 1000 },
    facts,
    prepare: async () => ({ loaded: await prepare(), facts }),
  });
  return { host, advance, lines };
}

test("what fails is tried again after a pause until it works; who waits is told each time", async () => {
  let attempts = 0;
  const { host, advance } = hostWith(() => {
    attempts += 1;
    return attempts < 3 ? Promise.reject(new Error("not yet")) : Promise.resolve("loaded");
  });
  const told: boolean[] = [];
  host.whenSettled((isReady) => told.push(isReady));
  let firstFailures = 0;
  const running = host.run(new AbortController().signal, () => {
    firstFailures += 1;
  });
  await advance(0);
  assert.equal(host.state.kind, "failed");
  assert.deepEqual(told, [false]);
  host.whenSettled((isReady) => told.push(isReady));
  const cancelled = host.whenSettled(() => assert.fail("was cancelled"));
  cancelled.cancel();
  await advance(100);
  host.whenSettled((isReady) => told.push(isReady));
  await advance(200);
  await running;
  assert.equal(host.loaded, "loaded");
  assert.deepEqual(told, [false, false, true]);
  assert.equal(attempts, 3);
  assert.equal(firstFailures, 1);
});

test("a signal ends the pause and the trying", async () => {
  const { host, advance } = hostWith(() => Promise.reject(new Error("never")));
  const controller = new AbortController();
  const running = host.run(controller.signal);
  await advance(0);
  controller.abort();
  await running;
  assert.equal(host.loaded, undefined);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { Fault } from "../../kernel/index.ts";
import { seededWorld } from "../../testing/index.ts";
import { ConnectionGate } from "./connection-gate.ts";
import { ConnectionSlots } from "./connection-slots.ts";

async function reasonOf(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => "passed",
    (error: unknown) => (Fault.is(error) ? error.reason : String(error)),
  );
}

function gateOf(patienceMs: number) {
  const seeded = seededWorld();
  const server: { isUp: boolean; probes: number } = { isUp: true, probes: 0 };
  const probe = async (): Promise<void> => {
    server.probes += 1;
    if (!server.isUp) throw new Error("refused");
  };
  const gate = new ConnectionGate({ world: seeded.world, patienceMs, probe });
  return { ...seeded, advance: seeded.advance, gate, server };
}

test("a gate lets all through until a connection fails, then one probe at a time", async () => {
  const { gate, server, advance } = gateOf(60_000);
  await gate.pass();
  server.isUp = false;
  assert.equal(gate.reportFailure(new Error("refused")), true);
  assert.equal(gate.reportFailure(new Error("refused")), false);
  assert.equal(gate.isOpen, false);
  const waiting = Array.from({ length: 100 }, () => reasonOf(gate.pass()));
  await advance(10_000);
  // 20, 40, 80 … 500 ms apart, ±50 %.
  assert.ok(server.probes >= 15 && server.probes <= 45, `${server.probes} probes in 10 s`);
  server.isUp = true;
  await advance(750);
  assert.deepEqual(new Set(await Promise.all(waiting)), new Set(["passed"]));
  assert.equal(gate.isOpen, true);
});

test("patience counts from when the server went away, not from each call", async () => {
  const { gate, server, advance } = gateOf(1500);
  server.isUp = false;
  gate.reportFailure(new Error("refused"));
  const early = reasonOf(gate.pass());
  await advance(1000);
  const late = reasonOf(gate.pass());
  await advance(500);
  assert.equal(await early, "store.unavailable");
  assert.equal(await late, "store.unavailable");
  assert.equal(await reasonOf(gate.pass()), "store.unavailable");
});

test("a closed gate refuses those who wait and those who come, and leaves no timer", async () => {
  const seeded = gateOf(60_000);
  seeded.server.isUp = false;
  seeded.gate.reportFailure(new Error("refused"));
  const waiting = reasonOf(seeded.gate.pass());
  seeded.gate.close();
  assert.equal(await waiting, "store.closed");
  assert.equal(await reasonOf(seeded.gate.pass()), "store.closed");
  await seeded.advance(10_000);
  assert.equal(seeded.server.probes, 0);
});

test("slots are given in the order of coming, and the queue before them is bounded", async () => {
  const { world, advance } = seededWorld();
  const slots = new ConnectionSlots({ world, slotsMax: 2, waitingMax: 3, timeoutMs: 100 });
  const entered: number[] = [];
  const results = [0, 1, 2, 3, 4, 5].map((index) =>
    reasonOf(slots.enter().then(() => entered.push(index))),
  );
  assert.equal(await results[5], "store.overloaded");
  assert.deepEqual(entered, [0, 1]);
  slots.leave();
  await results[2];
  slots.leave();
  await results[3];
  assert.deepEqual(entered, [0, 1, 2, 3]);
  await advance(100);
  assert.equal(await results[4], "store.overloaded");
  slots.leave();
  slots.leave();
  await Promise.all([slots.enter(), slots.enter()]);
  const last = reasonOf(slots.enter());
  slots.close();
  assert.equal(await last, "store.closed");
});

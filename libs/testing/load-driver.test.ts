import assert from "node:assert/strict";
import { test } from "node:test";
import type { EngineFault } from "./engine/engine-fault.ts";
import { mockEngine } from "./engine/mock-engine.ts";
import { type LoadReport, startLoad } from "./load-driver.ts";
import { plainClient, retryDelayMs } from "./plain-client.ts";

async function load(faultOf: (nth: number) => EngineFault | undefined): Promise<LoadReport> {
  let asked = 0;
  const engine = await mockEngine({
    faultOf: () => {
      asked += 1;
      return faultOf(asked);
    },
  });
  const running = startLoad({
    ...{ baseUrl: engine.baseUrl, apiKey: "k", model: "mock-1" },
    ...{ callsPerSecond: 100, streams: 2, streamTokens: 5, attempts: 2 },
  });
  await engine.until((calls) => calls.length >= 30);
  const report = await running.stop();
  await engine.close();
  return report;
}

test("a sound product shows no failure, and its speed", async () => {
  const report = await load(() => undefined);
  assert.deepEqual(report.failures, []);
  assert.ok(report.calls > 0 && report.streams > 0);
  assert.ok(report.callMsP50 > 0 && report.callMsP99 >= report.callMsP50);
  assert.equal(report.retried, 0);
});

test("a failure that a retry mends is no failure", async () => {
  const report = await load((nth) =>
    nth === 3 ? { kind: "status", status: 503, retryAfterSeconds: 0 } : undefined,
  );
  assert.deepEqual(report.failures, []);
  assert.equal(report.retried, 1);
});

test("a stream that is not whole is told from one that pretends to be", async () => {
  const verdicts = async (fault: EngineFault) => {
    const { failures } = await load(() => fault);
    return new Set(failures.filter(({ kind }) => kind === "stream").map(({ what }) => what));
  };
  const pretending = await verdicts({ kind: "stop-short", afterEvents: 3 });
  assert.deepEqual([...pretending], ["unmarked"]);
  const cut = await verdicts({ kind: "cut", atByte: 700, how: "end" });
  assert.deepEqual([...cut], ["truncated"]);
  const told = await verdicts({ kind: "stream-error", afterEvents: 3 });
  assert.deepEqual([...told], ["truncated"]);
});

test("the client waits as it is told, a minute at most, else twice as long each time", () => {
  assert.equal(retryDelayMs({ "retry-after-ms": "20", "retry-after": "9" }, 0, 0), 20);
  assert.equal(retryDelayMs({ "retry-after": "2" }, 0, 0), 2_000);
  assert.equal(retryDelayMs({ "retry-after": "61" }, 0, 0), 500);
  assert.equal(retryDelayMs({}, 2, 0), 2_000);
  assert.equal(retryDelayMs({}, 9, 0), 8_000);
});

test("a refused request is tried once, a refused connection as often as allowed", async () => {
  const engine = await mockEngine();
  const client = plainClient({ baseUrl: engine.baseUrl, attempts: 2 });
  assert.equal((await client.call("POST", "/chat/completions", {})).attempts, 1);
  await engine.close();
  const nowhere = await client.call("GET", "/models");
  assert.deepEqual([nowhere.status, nowhere.attempts], [0, 2]);
  client.close();
});

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { plainClient, type TandemStatus } from "@tandem/libs/testing";
import { type ChaosHouse, openChaosHouse } from "./kill-loop.ts";

let house: ChaosHouse | undefined;

before(async () => {
  house = await openChaosHouse();
});
after(() => house?.close());

const frozenMs = 3_000;
const callsPerSecond = 20;
/** A call that takes longer has noticed something. The engine answers within 100 ms. */
const slowMs = 500;
/** Tests share their machine: the goal is three; a machine that is short of CPU adds its own. */
const slowMax = 10;

async function pause(ms: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, ms));
}

function pidOf({ processes }: TandemStatus, name: string): number {
  const pid = processes.find((process) => process.name === name)?.pid;
  assert.ok(pid !== undefined);
  return pid;
}

/** Calls at an even pace, whether or not earlier ones have ended; one attempt each. */
async function callDuring(run: () => Promise<void>): Promise<{ slow: number; failed: string[] }> {
  assert.ok(house);
  const { baseUrl, apiKey } = house.tandem;
  const client = plainClient({ baseUrl, apiKey, attempts: 1 });
  const calls: Promise<{ readonly tookMs: number; readonly failure: string | undefined }>[] = [];
  let isOver = false;
  const calling = (async () => {
    for (let number = 0; !isOver; number += 1) {
      const messages = [{ role: "user", content: `question ${number}` }];
      const body = { model: "mock-1", max_tokens: 1, messages };
      calls.push(
        client.call("POST", "/chat/completions", body).then(({ status, tookMs, error, text }) => ({
          tookMs,
          failure: status === 200 ? undefined : `${status} ${error ?? text.slice(0, 200)}`,
        })),
      );
      await pause(1_000 / callsPerSecond);
    }
  })();
  await pause(1_000);
  await run();
  isOver = true;
  await calling;
  const ended = await Promise.all(calls);
  client.close();
  const failed = ended.flatMap(({ failure }) => (failure === undefined ? [] : [failure]));
  return { slow: ended.filter(({ tookMs }) => tookMs > slowMs).length, failed };
}

for (const name of ["ai-gateway-1", "access-services-1", "router-1"]) {
  test(`${name} frozen for three seconds: no call fails, and few notice`, async (context) => {
    assert.ok(house);
    const { tandem } = house;
    const pid = pidOf(await tandem.status(), name);
    const { slow, failed } = await callDuring(async () => {
      process.kill(pid, "SIGSTOP");
      await pause(frozenMs);
      // Whoever replaced it meanwhile has ended it.
      try {
        process.kill(pid, "SIGCONT");
      } catch {
        // Gone.
      }
      await pause(500);
    });
    context.diagnostic(`${name}: ${slow} calls above ${slowMs} ms, ${failed.length} failed`);
    assert.deepEqual(failed, []);
    assert.ok(slow <= slowMax, `${slow} calls took longer than ${slowMs} ms`);
    await tandem.until(({ state }) => state === "ready", 30_000);
  });
}

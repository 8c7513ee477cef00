import assert from "node:assert/strict";
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import type { RunningSupervisor } from "./fixtures/running-supervisor.ts";
import { kill, SupervisorSet, stop } from "./fixtures/supervisor-set.ts";
import type { Secrets } from "./secrets.ts";

const supervisors = new SupervisorSet("rotation");
const { folder } = supervisors;

async function start(name: string): Promise<RunningSupervisor> {
  return (await supervisors.start(name)).supervisor;
}

async function pidOf(supervisor: RunningSupervisor, name: string): Promise<number> {
  const { processes } = await supervisor.status();
  return processes.find((process) => process.name === name)?.pid ?? 0;
}

const fileOf = (name: string): string => join(folder, name, "keys", "secrets.json");

function secretsOf(name: string): Secrets {
  return JSON.parse(readFileSync(fileOf(name), "utf8")) as Secrets;
}

async function untilStage(name: string, stage: string): Promise<void> {
  const endMs = performance.now() + 20_000;
  while (secretsOf(name).rotation?.stage !== stage) {
    assert.ok(performance.now() < endMs, `never ${stage}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

const eventsOf = (text: string): readonly unknown[] =>
  text
    .trimEnd()
    .split("\n")
    .map((line) => (JSON.parse(line) as { readonly event: unknown }).event);

const first = start("data");

describe("signing keys are rotated", () => {
  test("and who was frozen meanwhile is waited for, and catches up", async () => {
    const supervisor = await first;
    const before = secretsOf("data");
    const gateway = await pidOf(supervisor, "ai-gateway-1");
    process.kill(gateway, "SIGSTOP");
    const rotation = supervisor.operate("rotate-signing-keys?overlap_seconds=0");
    await untilStage("data", "accepting");
    assert.equal(await supervisor.control("rotate-signing-keys"), 409);
    const { event: _, ...waiting } = await supervisor.event("waiting");
    assert.equal(waiting["for"], "ai-gateway-1");
    assert.deepEqual(secretsOf("data").passportKeys, before.passportKeys);
    process.kill(gateway, "SIGCONT");
    const { text } = await rotation;
    assert.deepEqual(eventsOf(text), ["waiting", "signing_with_new", "old_refused", "done"]);
    const { passportKeys, ...rest } = secretsOf("data");
    assert.equal(statSync(fileOf("data")).mode & 0o777, 0o600);
    assert.deepEqual(Object.keys(passportKeys), Object.keys(before.passportKeys));
    for (const [name, pair] of Object.entries(passportKeys)) {
      assert.notDeepEqual(pair, before.passportKeys[name]);
    }
    const { passportKeys: _old, ...restBefore } = before;
    assert.deepEqual(rest, restBefore, "and no other secret is touched");
    assert.equal(await pidOf(supervisor, "ai-gateway-1"), gateway, "it is the same process");
    assert.equal(await supervisor.control("rotate-signing-keys?overlap_seconds=soon"), 400);
  });

  test("a supervisor that is killed at any step leaves what its successor ends", async () => {
    const killed = await first;
    const old = secretsOf("data").passportKeys;
    process.kill(await pidOf(killed, "router-2"), "SIGSTOP");
    void killed.operate("rotate-signing-keys?overlap_seconds=1").catch(() => undefined);
    await untilStage("data", "accepting");
    const fresh = secretsOf("data").rotation?.otherKeys;
    await kill(killed);
    const second = await start("data");
    await second.event("signing_with_new");
    assert.deepEqual(secretsOf("data").passportKeys, fresh);
    assert.deepEqual(secretsOf("data").rotation?.otherKeys, old);
    await kill(second);
    const third = await start("data");
    await third.event("old_refused");
    await kill(third);
    const { rotation, passportKeys } = secretsOf("data");
    assert.deepEqual([rotation, passportKeys], [undefined, fresh]);
    const fourth = await start("data");
    const { status, text } = await fourth.operate("rotate-signing-keys?overlap_seconds=0");
    assert.equal(status, 200);
    assert.equal(eventsOf(text).at(-1), "done", "all hold what the killed one had told");
    await stop(fourth);
  });
});

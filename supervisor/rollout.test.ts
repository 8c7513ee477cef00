import assert from "node:assert/strict";
import { cpSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { get, startSupervisor } from "./fixtures/running-supervisor.ts";
import type { Status } from "./fleet/control-door.ts";

const folder = mkdtempSync(join(tmpdir(), "tandem-rollout-"));
const supervisor = startSupervisor({ data: join(folder, "data"), words: ["--port", "0"] });
after(async () => {
  supervisor.child.kill("SIGINT");
  await supervisor.exited;
  rmSync(folder, { recursive: true, force: true });
});
const url = String((await supervisor.event("ready"))["url"]);

/** The fixtures once more, in a folder of their own, as a release would be. */
function release(name: string): string {
  const to = join(folder, name);
  const fixtures = join(import.meta.dirname, "fixtures");
  cpSync(fixtures, to, { recursive: true });
  writeFileSync(join(to, "package.json"), '{ "type": "module" }');
  symlinkSync(join(import.meta.dirname, "..", "node_modules"), join(to, "node_modules"));
  return to;
}

function namesOf({ processes }: Status): readonly string[] {
  return processes.filter(({ isMember }) => isMember).map(({ name }) => name);
}

function hasSettled(status: Status): boolean {
  return status.state === "ready" && status.processes.every(({ isMember }) => isMember);
}

/** Runs the operation while calls go on, one after the other, and expects none of them to fail. */
async function withoutACut(operation: string): Promise<{ readonly lines: readonly Line[] }> {
  let isOver = false;
  const failed: string[] = [];
  const calls = (async () => {
    while (!isOver) await get(`${url}/`).catch((error: unknown) => failed.push(String(error)));
  })();
  const slow = get(`${url}/slow/4000`);
  const { text } = await supervisor.operate(operation);
  isOver = true;
  await calls;
  assert.deepEqual(failed, []);
  assert.equal((await slow).body, "begun and done");
  return {
    lines: text
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as Line),
  };
}

interface Line {
  readonly event: string;
  readonly reason?: string;
  readonly message?: string;
}

describe("while it serves", () => {
  test("every process is replaced by one of the new release, and no call fails", async () => {
    const to = release("next");
    const { lines } = await withoutACut(`upgrade?to=${to}&steps=none`);
    assert.equal(lines.at(-1)?.event, "done");
    assert.equal(lines.filter(({ event }) => event === "replaced").length, 3);
    const status = await supervisor.until(hasSettled);
    for (const { name, sourceFolder } of status.processes) {
      assert.equal(sourceFolder === to, name !== "engine-1", name);
    }
  });

  test("a release that does not start is rolled back, step by step, and no call fails", async () => {
    const before = await supervisor.until(hasSettled);
    const to = release("broken");
    writeFileSync(join(to, "router", "main.ts"), "throw new Error('does not load');\n");
    const { lines } = await withoutACut(`upgrade?to=${to}&steps=none`);
    const last = lines.at(-1);
    assert.equal(last?.event, "failed");
    assert.equal(last?.reason, "supervisor.upgrade_rolled_back");
    assert.match(last?.message ?? "", /rolled back at router-\d.*Everything runs as before/);
    // The gateway had been replaced by then; it is back too.
    const status = await supervisor.until(hasSettled);
    assert.deepEqual(
      status.processes.map(({ sourceFolder }) => sourceFolder).toSorted(),
      before.processes.map(({ sourceFolder }) => sourceFolder).toSorted(),
    );
  });

  test("processes are added and taken away, and no call fails", async () => {
    await withoutACut("scale/router/4");
    assert.equal(namesOf(await supervisor.until(hasSettled)).filter(isRouter).length, 4);
    await withoutACut("scale/router/1");
    assert.equal(namesOf(await supervisor.until(hasSettled)).filter(isRouter).length, 1);
    await withoutACut("scale/router/2");
  });

  test("one that is drained is called no more, and is back when it is started", async () => {
    const { processes } = await supervisor.until(hasSettled);
    const name = processes.find((process) => isRouter(process.name))?.name ?? "";
    await withoutACut(`drain/${name}`);
    const drained = await supervisor.status();
    assert.equal(drained.processes.find((process) => process.name === name)?.state, "stopped");
    assert.ok(!namesOf(drained).includes(name));
    const { status } = await supervisor.operate(`drain/${namesOf(drained).find(isRouter)}`);
    assert.equal(status, 412, "the last of its kind stays");
    await supervisor.operate(`start/${name}`);
    assert.ok(namesOf(await supervisor.until(hasSettled)).includes(name));
  });

  test("what cannot be is refused in words and changes nothing", async () => {
    const before = await supervisor.until(hasSettled);
    for (const [operation, status] of [
      ["upgrade?to=/nowhere", 400],
      ["upgrade?steps=5,900", 400],
      ["scale/router/0", 400],
      ["scale/nobody/2", 404],
      ["scale/engine/2", 412],
      ["drain/nobody", 404],
      ["dance/router-1", 400],
    ] as const) {
      const answer = await supervisor.operate(operation);
      assert.equal(answer.status, status, operation);
      assert.match(answer.text, /"message":"./);
    }
    assert.deepEqual(namesOf(await supervisor.status()), namesOf(before));
  });
});

function isRouter(name: string): boolean {
  return name.startsWith("router-");
}

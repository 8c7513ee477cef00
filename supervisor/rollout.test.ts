import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { makeRelease } from "./fixtures/make-release.ts";
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

const release = (name: string, spoilt?: Readonly<Record<string, string>>): string =>
  makeRelease(join(folder, name), spoilt);

function namesOf({ processes }: Status): readonly string[] {
  return processes.filter(({ isMember }) => isMember).map(({ name }) => name);
}

function hasSettled(status: Status): boolean {
  return status.state === "ready" && status.processes.every(({ isMember }) => isMember);
}

/** Runs the operation while calls go on, one after the other, and expects none of them to fail. */
async function withoutACut(
  operation: string,
  slowMs = 4000,
): Promise<{ readonly lines: readonly Line[] }> {
  let isOver = false;
  const failed: string[] = [];
  const calls = (async () => {
    while (!isOver) {
      const answered = await get(`${url}/`).catch((error: unknown) => ({ status: String(error) }));
      if (answered.status !== 200) failed.push(String(answered.status));
    }
  })();
  const slow = get(`${url}/slow/${slowMs}`);
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

const opening = (words: string): string =>
  `import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { serve } from "../serve.ts";
const mark = join(import.meta.dirname, "mark");
export const start = async (site) => {
  ${words}
};
`;
const inDepth = (words: string): string => opening(words).replace("../serve", "../../serve");

/** Releases that fail at one step after the other. */
const steps = [
  {
    what: "a release whose gateway does not open",
    files: { "gateways/ai/main.ts": inDepth("throw new Error('does not open');") },
    where: /rolled back at ai-gateway-\d: .*Everything runs as before/,
  },
  {
    what: "one whose gateway dies once it is called",
    files: {
      "gateways/ai/main.ts": inDepth(
        "setTimeout(() => process.exit(1), 100); return serve(site, (_, to) => to.end());",
      ),
    },
    where: /rolled back at ai-gateway-\d: .* died/,
  },
  {
    what: "one whose routers do not load, after its gateway took over",
    files: { "router/main.ts": "throw new Error('does not load');\n" },
    where: /rolled back at router-\d: /,
  },
  {
    what: "one of which half the routers open",
    files: {
      "router/main.ts": opening(
        `if (existsSync(mark)) throw new Error("only one");
  writeFileSync(mark, "");
  return serve(site, (_, to) => to.setHeader("connection", "close").end("begun and done"));`,
      ),
    },
    where: /rolled back at router-\d: /,
  },
] as const;

function foldersOf({ processes }: Status): readonly string[] {
  return processes.map(({ sourceFolder }) => sourceFolder).toSorted();
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

  for (const [at, { what, files, where }] of steps.entries()) {
    test(`${what}: rolled back, and no call fails`, async () => {
      const before = await supervisor.until(hasSettled);
      const to = release(`broken-${at}`, files);
      const { lines } = await withoutACut(`upgrade?to=${to}&steps=none`, 500);
      const last = lines.at(-1);
      assert.equal(last?.event, "failed");
      assert.equal(last?.reason, "supervisor.upgrade_rolled_back");
      assert.match(last?.message ?? "", where);
      // What had been replaced by then is back too.
      const status = await supervisor.until(hasSettled);
      assert.deepEqual(foldersOf(status), foldersOf(before));
    });
  }

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

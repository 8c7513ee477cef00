import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { makeRelease } from "./fixtures/make-release.ts";
import { get } from "./fixtures/running-supervisor.ts";
import { kill, type StartedSupervisor, SupervisorSet, stop } from "./fixtures/supervisor-set.ts";
import type { Status } from "./fleet/control-door.ts";

const supervisors = new SupervisorSet("canary");
const topology = join(import.meta.dirname, "fixtures", "with-service.json");
const start = (): Promise<StartedSupervisor> => supervisors.start("data", "--topology", topology);

let running = await start();

interface Line {
  readonly event: string;
  readonly process?: string;
  readonly verdict?: string;
  readonly attempts?: number;
  readonly message?: string;
}

const isJudged = "steps=50&step_seconds=0&step_seconds_max=20&requests=20";

/** An upgrade while callers ask the service over and over, each of them once its answer is there. */
async function upgradeUnderLoad(
  release: string,
  callersCount = 4,
): Promise<{
  readonly lines: readonly Line[];
  readonly failed: readonly string[];
  readonly answers: ReadonlySet<string>;
}> {
  let isOver = false;
  const failed: string[] = [];
  const answers = new Set<string>();
  const callers = Array.from({ length: callersCount }, async () => {
    while (!isOver) {
      const { status, body } = await get(`${running.url}/verify`);
      if (status === 200) answers.add(body);
      else failed.push(body);
    }
  });
  const { text } = await running.supervisor
    .operate(`upgrade?to=${release}&${isJudged}`)
    .finally(() => {
      isOver = true;
    });
  await Promise.all(callers);
  const lines = text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Line);
  return { lines, failed, answers };
}

const verifyingBy = (words: string): string => `
import { serveKeys } from "../../serve-keys.ts";
export const start = (site) => serveKeys(site, async () => { ${words} });
`;
const good = "return { refusal: 'by the next release' };";

function release(name: string, files: Readonly<Record<string, string>>): string {
  return makeRelease(join(supervisors.folder, name), files);
}

function foldersOf({ processes }: Status): readonly string[] {
  return processes.map(({ sourceFolder }) => sourceFolder);
}

async function settledFolders(): Promise<readonly string[]> {
  const status = await running.supervisor.until(
    ({ state, processes }) => state === "ready" && processes.every(({ isMember }) => isMember),
  );
  return foldersOf(status);
}

test("a service that is as good as the one before is found so by its callers' figures", async () => {
  const before = await settledFolders();
  const { lines, failed, answers } = await upgradeUnderLoad(
    release("good", {
      "gateways/access/main.ts": verifyingBy(good),
      // So that this ends where the service has stood its test.
      "router/main.ts": "throw new Error('does not load');\n",
    }),
  );
  assert.deepEqual(failed, []);
  const judged = lines.filter(({ event }) => event === "canary");
  assert.deepEqual(
    judged.map(({ process, verdict }) => `${process} ${verdict}`),
    ["access-2 good"],
  );
  assert.ok((judged[0]?.attempts ?? 0) >= 20);
  assert.ok(answers.has("by the next release"));
  assert.match(lines.at(-1)?.message ?? "", /rolled back at router-1/);
  assert.deepEqual(await settledFolders(), before, "and the service is taken back too");
});

test("one that answers with errors is rolled back, by a successor too, and no call fails", async () => {
  // What it judges by now comes from processes that it has not started.
  await kill(running.supervisor);
  running = await start();
  const before = await settledFolders();
  const { lines, failed, answers } = await upgradeUnderLoad(
    release("failing", {
      "gateways/access/main.ts": verifyingBy("throw new TypeError('a bug of this release');"),
    }),
  );
  assert.deepEqual(failed, []);
  assert.match(
    lines.at(-1)?.message ?? "",
    /rolled back at access-\d: access-\d: \d+ of \d+ failed/,
  );
  assert.ok(![...answers].some((answer) => answer.includes("next release")));
  assert.deepEqual(await settledFolders(), before);
});

test("one that answers far more slowly is rolled back, and no call fails", async () => {
  const before = await settledFolders();
  const words = `await new Promise((resolve) => setTimeout(resolve, 600)); ${good}`;
  const slow = release("slow", { "gateways/access/main.ts": verifyingBy(words) });
  const { lines, failed } = await upgradeUnderLoad(slow, 16);
  assert.deepEqual(failed, []);
  assert.match(
    lines.at(-1)?.message ?? "",
    /rolled back at access-\d: access-\d: p99 \d+ ms against/,
  );
  assert.deepEqual(await settledFolders(), before);
  await stop(running.supervisor);
});

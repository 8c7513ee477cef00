import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { freePort } from "@tandem/libs/testing";
import { makeRelease } from "./fixtures/make-release.ts";
import { get } from "./fixtures/running-supervisor.ts";
import { kill, SupervisorSet, stop } from "./fixtures/supervisor-set.ts";
import type { Status } from "./fleet/control-door.ts";
import { identityOf } from "./folder/process-identity.ts";

const supervisors = new SupervisorSet("adoption");
const { folder } = supervisors;
const start = supervisors.start.bind(supervisors);

function pidsOf({ processes, stores }: Status): readonly (number | undefined)[] {
  return [...processes, ...stores].map(({ pid }) => pid);
}

async function until(isSo: () => boolean): Promise<void> {
  const endMs = performance.now() + 20_000;
  while (!isSo()) {
    assert.ok(performance.now() < endMs, "patience is up");
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

const callers: { isStopped: boolean }[] = [];
after(() => {
  for (const caller of callers) caller.isStopped = true;
});

/** Calls on connections of their own, one after the other, until it is stopped. */
function callAgainAndAgain(url: string): { stop(): Promise<{ ok: number; failed: string[] }> } {
  const caller = { isStopped: false };
  callers.push(caller);
  let ok = 0;
  const failed: string[] = [];
  const ended = (async () => {
    while (!caller.isStopped) {
      await get(`${url}/`).then(
        () => {
          ok += 1;
        },
        (error: unknown) => failed.push(String(error)),
      );
    }
  })();
  return {
    stop: async () => {
      caller.isStopped = true;
      await ended;
      return { ok, failed };
    },
  };
}

describe("a supervisor that is killed", () => {
  test("its processes serve on, its successor goes on with the very same ones", async () => {
    const first = await start("killed");
    const slow = get(`${first.url}/slow/1500`);
    const calls = callAgainAndAgain(first.url);
    const grpcCalls = callAgainAndAgain(first.grpcUrl);
    await kill(first.supervisor);
    const second = await start("killed");
    assert.equal(second.url, first.url);
    assert.equal(second.grpcUrl, first.grpcUrl);
    assert.deepEqual(pidsOf(second.status), pidsOf(first.status));
    assert.equal((await slow).body, "begun and done");
    for (const { ok, failed } of [await calls.stop(), await grpcCalls.stop()]) {
      assert.deepEqual(failed, []);
      assert.ok(ok > 0);
    }
    const taken = await second.supervisor.event("predecessor_adopted");
    assert.equal(taken["door"], "taken over");
    await stop(second.supervisor);
    for (const pid of pidsOf(first.status)) assert.equal(identityOf(pid ?? 0), undefined);
    assert.equal(existsSync(first.status.runDirectory), false);
  });

  test("the socket is held on: with all routers killed, connections wait and none is refused", async () => {
    const first = await start("door");
    await kill(first.supervisor);
    const { supervisor, status, url, grpcUrl } = await start("door");
    const calls = [callAgainAndAgain(url), callAgainAndAgain(grpcUrl)];
    const routers = status.processes.filter(({ name }) => name.startsWith("router-"));
    for (const { pid } of routers) process.kill(pid ?? 0, "SIGKILL");
    await supervisor.until(
      (now) =>
        now.state === "ready" &&
        now.processes.every(({ name, pid }) =>
          routers.every((r) => r.name !== name || r.pid !== pid),
        ),
    );
    for (const { failed } of await Promise.all(calls.map((caller) => caller.stop()))) {
      // The one call that was with a router when it was killed may break off.
      assert.ok(failed.length <= 1, failed.join("\n"));
      assert.ok(!failed.some((error) => error.includes("ECONNREFUSED")));
    }
    await stop(supervisor);
  });

  test("a successor watches and restarts what it took over, and hands it on again", async () => {
    const first = await start("thrice");
    await kill(first.supervisor);
    const second = await start("thrice");
    const before = second.status.processes.find(({ name }) => name === "engine-1")?.pid ?? 0;
    process.kill(before, "SIGKILL");
    await second.supervisor.event("process_died");
    await second.supervisor.until(({ state }) => state === "ready");
    await kill(second.supervisor);
    const third = await start("thrice");
    const engine = third.status.processes.find(({ name }) => name === "engine-1");
    assert.notEqual(engine?.pid, before);
    assert.equal((await get(`${third.url}/`)).status, 200);
    await stop(third.supervisor);
  });

  test("a process that died or froze meanwhile is started anew", async () => {
    const first = await start("half");
    await kill(first.supervisor);
    const pidOf = (name: string): number =>
      first.status.processes.find((process) => process.name === name)?.pid ?? 0;
    process.kill(pidOf("engine-1"), "SIGKILL");
    process.kill(pidOf("router-2"), "SIGSTOP");
    const second = await start("half");
    const pids = new Set(pidsOf(second.status));
    assert.ok(pids.has(pidOf("ai-gateway-1")) && pids.has(pidOf("router-1")));
    assert.ok(!pids.has(pidOf("engine-1")) && !pids.has(pidOf("router-2")));
    await stop(second.supervisor);
  });

  test("an upgrade that it had under way is taken back by its successor, and no call fails", async () => {
    const first = await start("upgrading");
    // Its second router never opens, so that half of them are replaced when the supervisor dies.
    const to = makeRelease(join(folder, "half-way"), {
      "router/main.ts": `import { existsSync, writeFileSync } from "node:fs";
import { serve } from "../serve.ts";
const mark = import.meta.dirname + "/mark";
export const start = (site) => {
  if (existsSync(mark)) return new Promise(() => {});
  writeFileSync(mark, "");
  return serve(site, (_, to) => to.setHeader("connection", "close").end("of the next release"));
};
`,
    });
    const calls = callAgainAndAgain(first.url);
    // Nobody is left to answer it.
    void first.supervisor.operate(`upgrade?to=${to}&steps=none`).catch(() => undefined);
    const foldersOf = ({ processes }: Status): readonly string[] =>
      processes.filter(({ isMember }) => isMember).map(({ sourceFolder }) => sourceFolder);
    // The gateway and one of two routers.
    await first.supervisor.until(
      (now) => foldersOf(now).filter((each) => each === to).length === 2,
    );
    await first.supervisor.until(({ processes }) =>
      processes.some(({ isMember, state }) => !isMember && state === "opening"),
    );
    await kill(first.supervisor);
    const second = await start("upgrading");
    await second.supervisor.event("rolled_back");
    const status = await second.supervisor.until(
      ({ state, processes }) => state === "ready" && processes.every(({ isMember }) => isMember),
    );
    assert.ok(foldersOf(status).every((each) => each !== to));
    assert.deepEqual(
      [...status.processes.map(({ name }) => name.replace(/\d$/, ""))].toSorted(),
      [...first.status.processes.map(({ name }) => name.replace(/\d$/, ""))].toSorted(),
    );
    assert.deepEqual((await calls.stop()).failed, []);
    await stop(second.supervisor);
  });

  test("one that wants another port or topology ends them and starts afresh", async () => {
    const first = await start("other");
    await kill(first.supervisor);
    const supervisor = supervisors.launch("other", "--port", String(await freePort()));
    const { why } = await supervisor.event("predecessor_not_adopted");
    assert.match(String(why), /they serve on port/);
    await supervisor.event("ready");
    for (const { pid } of first.status.processes) assert.equal(identityOf(pid ?? 0), undefined);
    await stop(supervisor);
  });

  test("without a successor they end by themselves when their time is up, stores included", async () => {
    const first = await start("forgotten", "--set", "supervisor.orphan_limit=1s");
    await kill(first.supervisor);
    assert.equal((await get(`${first.url}/`)).status, 200);
    await until(() => pidsOf(first.status).every((pid) => identityOf(pid ?? 0) === undefined));
    assert.equal(existsSync(first.status.runDirectory), false);
    const key = readFileSync(join(first.data, "dev.env"), "utf8");
    assert.match(key, /OPENAI_API_KEY=./);
  });
});

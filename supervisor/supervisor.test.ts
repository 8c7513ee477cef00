import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { get, type RunningSupervisor, startSupervisor } from "./fixtures/running-supervisor.ts";
import type { Status } from "./fleet/control-door.ts";
import { identityOf } from "./folder/process-identity.ts";

const folder = mkdtempSync(join(tmpdir(), "tandem-supervisor-"));
const running: RunningSupervisor[] = [];
after(async () => {
  for (const { child } of running) child.kill("SIGKILL");
  await Promise.all(running.map(({ exited }) => exited));
  rmSync(folder, { recursive: true, force: true });
});

function start(name: string, ...words: readonly string[]): RunningSupervisor {
  const data = join(folder, name);
  const supervisor = startSupervisor({ data, words: ["--port", "0", ...words] });
  running.push(supervisor);
  return supervisor;
}

async function startReady(
  name: string,
  ...words: readonly string[]
): Promise<{ readonly supervisor: RunningSupervisor; readonly url: string }> {
  const supervisor = start(name, ...words);
  const { url } = await supervisor.event("ready");
  return { supervisor, url: String(url) };
}

function writeConfig(text: string): string {
  const path = join(mkdtempSync(join(folder, "config-")), "tandem.yaml");
  writeFileSync(path, text);
  return path;
}

function pidsOf({ processes }: Status): readonly number[] {
  return processes.flatMap(({ pid }) => (pid === undefined ? [] : [pid]));
}

function processOf(status: Status, name: string): Status["processes"][number] {
  const found = status.processes.find((process) => process.name === name);
  assert.ok(found !== undefined);
  return found;
}

async function stop({ child, exited }: RunningSupervisor): Promise<void> {
  child.kill("SIGINT");
  assert.deepEqual(await exited, { code: 0, signal: null });
}

describe("a running supervisor", async () => {
  const { supervisor, url } = await startReady("steady", "--set", "supervisor.silence_limit=3s");
  after(() => stop(supervisor));

  test("opens a level only when the one below is ready", async () => {
    const lines = await supervisor.saying('"event":"opened"', 2);
    const opened = lines.map((line) => (JSON.parse(line) as { readonly replica: string }).replica);
    assert.deepEqual(opened, ["engine-1", "ai-1"]);
  });

  test("tells what it runs, with process numbers, on its control door", async () => {
    const status = await supervisor.status();
    assert.equal(status.state, "ready");
    assert.equal(status.pid, supervisor.child.pid);
    assert.equal(new Set(pidsOf(status)).size, 4);
    assert.ok(processOf(status, "ai-gateway-1").hosts.includes("ai/1"));
    assert.equal(await supervisor.control("restart/nobody"), 404);
    assert.equal(await supervisor.control("dance"), 400);
  });

  test("pins a process where the topology says so", async () => {
    const { pid } = processOf(await supervisor.status(), "ai-gateway-1");
    const status = readFileSync(`/proc/${pid}/status`, "utf8");
    assert.match(status, /^Cpus_allowed_list:\t0$/m);
  });

  test("a process that was killed is started again at once", async () => {
    const before = processOf(await supervisor.status(), "router-1");
    process.kill(before.pid ?? 0, "SIGKILL");
    const died = await supervisor.event("process_died");
    assert.equal(died["restartInMs"], 0, "the first restart waits for nothing");
    const now = await supervisor.until((status) => {
      const { pid, state } = processOf(status, "router-1");
      return state === "ready" && pid !== before.pid;
    });
    assert.equal(processOf(now, "router-1").deaths, before.deaths + 1);
  });

  test("no connection is refused while every router is dead", async () => {
    for (let round = 0; round < 3; round += 1) {
      const status = await supervisor.until(({ state }) => state === "ready");
      for (const name of ["router-1", "router-2"]) {
        process.kill(processOf(status, name).pid ?? 0, "SIGKILL");
      }
      const answers = await Promise.all(Array.from({ length: 40 }, () => get(`${url}/`)));
      assert.ok(answers.every((answer) => answer.status === 200));
    }
  });

  test("an error that nobody caught ends the process, and says what it was", async () => {
    const before = await supervisor.until(({ state }) => state === "ready");
    await get(`${url}/crash`).catch(() => undefined);
    await supervisor.until(
      (status) => status.state === "ready" && pidsOf(status).join() !== pidsOf(before).join(),
    );
    const [said] = await supervisor.saying("unhandled_rejection", 1);
    assert.match(said ?? "", /"level":"error".*Error: a bug/);
  });

  test("a process whose event loop is stuck is replaced", async () => {
    await supervisor.until(({ state }) => state === "ready");
    const { replica } = JSON.parse((await get(`${url}/`)).body) as { readonly replica: string };
    const before = await supervisor.status();
    const blocked = get(`${url}/block`).catch(() => undefined);
    await supervisor.event("process_silent");
    await blocked;
    const isReplaced = (status: Status): boolean =>
      status.state === "ready" && pidsOf(status).join() !== pidsOf(before).join();
    await supervisor.until(isReplaced);
    assert.match(replica, /^router-[12]$/);
  });

  test("a process can be stopped, started and restarted by name", async () => {
    assert.equal(await supervisor.control("stop/router-2"), 200);
    const stopped = processOf(await supervisor.status(), "router-2");
    assert.equal(stopped.state, "stopped");
    assert.equal(stopped.pid, undefined);
    assert.equal((await get(`${url}/`)).status, 200);
    assert.equal(await supervisor.control("start/router-2"), 200);
    const started = await supervisor.until(({ state }) => state === "ready");
    assert.equal(await supervisor.control("restart/router-2"), 200);
    const restarted = await supervisor.until(({ state }) => state === "ready");
    const pid = (status: Status): number | undefined => processOf(status, "router-2").pid;
    assert.notEqual(pid(started), pid(restarted));
  });

  test("a second one on the same data directory is refused, naming the first", async () => {
    const second = start("steady");
    const { code, message } = await second.event("failed");
    assert.equal(code, "tandem-E1003");
    assert.match(String(message), new RegExp(`pid ${supervisor.child.pid}, port \\d+`));
    assert.equal((await second.exited).code, 7);
  });

  test("a second one on the same port is refused, naming the first and the remedy", async () => {
    const { port } = new URL(url);
    const second = start("elsewhere", "--port", port);
    const { code, message } = await second.event("failed");
    assert.equal(code, "tandem-E1002");
    assert.match(String(message), new RegExp(`Port ${port} is in use by .*another Tandem`));
    assert.match(String(message), /npm start -- --port/);
    assert.equal((await second.exited).code, 7);
  });

  test("the same port of gRPC is refused too, and the public one given back", async () => {
    const { grpcAddress = "" } = await supervisor.status();
    const port = grpcAddress.split(":")[1] ?? "";
    const second = start("elsewhere", "--grpc-port", port);
    const { code, message } = await second.event("failed");
    assert.equal(code, "tandem-E1002");
    assert.match(String(message), new RegExp(`Port ${port} .gRPC. is in use by .*another Tandem`));
    assert.match(String(message), /npm start -- --grpc-port.*npm start -- --no-grpc/s);
    assert.equal((await second.exited).code, 7);
  });
});

describe("the end", () => {
  test("Ctrl-C lets answers under way finish and leaves no process and no socket", async () => {
    const { supervisor, url } = await startReady("ends");
    const status = await supervisor.status();
    const slow = get(`${url}/slow/1000`);
    await get(`${url}/`);
    supervisor.child.kill("SIGINT");
    supervisor.child.kill("SIGINT");
    assert.equal((await slow).body, "begun and done");
    assert.deepEqual(await supervisor.exited, { code: 0, signal: null });
    for (const pid of pidsOf(status)) assert.equal(identityOf(pid), undefined);
    assert.equal(existsSync(status.runDirectory), false);
  });

  test("a second Ctrl-C cuts what runs", async () => {
    const { supervisor, url } = await startReady("is-cut");
    const status = await supervisor.status();
    const slow = get(`${url}/slow/60000`).catch(() => "cut");
    await get(`${url}/`);
    supervisor.child.kill("SIGINT");
    await supervisor.event("stopping");
    // Longer than one key press may take to arrive three times.
    await new Promise((resolve) => setTimeout(resolve, 700));
    supervisor.child.kill("SIGINT");
    assert.equal((await supervisor.exited).code, 130);
    assert.equal(await slow, "cut");
    for (const pid of pidsOf(status)) assert.equal(identityOf(pid), undefined);
  });

  test("a supervisor whose starter is gone stops as for Ctrl-C", async () => {
    const { supervisor } = await startReady("orphaned");
    const status = await supervisor.status();
    supervisor.child.disconnect();
    assert.deepEqual(await supervisor.exited, { code: 0, signal: null });
    for (const pid of pidsOf(status)) assert.equal(identityOf(pid), undefined);
  });

  test("a signal while it starts ends the start, not with an error", async () => {
    const supervisor = start("hasty");
    await supervisor.event("starting");
    supervisor.child.kill("SIGTERM");
    assert.deepEqual(await supervisor.exited, { code: 0, signal: null });
    assert.ok(!supervisor.events.some(({ event }) => event === "ready" || event === "failed"));
  });
});

describe("a start that cannot be", () => {
  test("a process that refuses its configuration ends it with the words of the refusal", async () => {
    const supervisor = start("refused", "--config", writeConfig("router: { refuses: true }"));
    assert.match(String((await supervisor.event("failed"))["message"]), /router\.refuses is true/);
    assert.equal((await supervisor.exited).code, 3);
  });

  test("a process that keeps dying ends it after five tries with growing pauses", async () => {
    const supervisor = start("crashes", "--config", writeConfig("engine: { crashes: true }"));
    const failed = await supervisor.event("failed");
    assert.equal(failed["code"], "tandem-E1008");
    assert.match(String(failed["message"]), /engine-1 cannot start/);
    const pauses = supervisor.events
      .filter(({ event }) => event === "process_died")
      .map((event) => event["restartInMs"]);
    assert.deepEqual(pauses.slice(0, 4), [0, 100, 200, 400]);
    assert.equal((await supervisor.exited).code, 1);
  });

  test("wrong usage is told with what was meant", async () => {
    const supervisor = start("usage", "--prot", "1");
    assert.match(String((await supervisor.event("failed"))["message"]), /Did you mean --port/);
    assert.equal((await supervisor.exited).code, 2);
  });
});

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import {
  freePort,
  type MockEngine,
  mockEngine,
  readDevEnv,
  runningProcesses,
} from "@tandem/libs/testing";
import { openTerminal, type Terminal } from "./terminal.ts";

const run = promisify(execFile);
const root = fileURLToPath(new URL("../../", import.meta.url));
const patienceMs = 90_000;

let engine: MockEngine | undefined;
const folder = mkdtempSync(join(tmpdir(), "tandem-first-"));
const data = join(folder, "data");
const configFile = join(folder, "tandem.yaml");

before(async () => {
  engine = await mockEngine({ profile: "vllm" });
  const upstreams = [{ name: "mock", profile: "vllm", baseUrl: engine.baseUrl }];
  writeFileSync(configFile, JSON.stringify({ version: 1, inference: { upstreams } }));
});
after(async () => {
  for (const { pid } of ours()) process.kill(pid, "SIGKILL");
  await engine?.close();
  rmSync(folder, { recursive: true, force: true });
});

function start(port: number): Terminal {
  const words = ["--port", String(port), "--data", data, "--config", configFile];
  const own = ["--grpc-port", "0", "--no-model", "--no-detect"];
  const command = ["npm", "start", "--silent", "--", ...words, ...own];
  return openTerminal(command, { folder: root });
}

/** Processes that name this test's folder: the supervisor's, its stores', its replicas'. */
function ours() {
  return runningProcesses().filter(({ command }) => command.includes(folder));
}

/** Ctrl-C, which reaches npm and its shell as well: they end as interrupted, or with our 0. */
async function interrupt(terminal: Terminal): Promise<void> {
  terminal.type("\u0003");
  const code = await terminal.ended;
  assert.ok(code === 0 || code === 130, `${code}\n${terminal.text}`);
  assert.match(terminal.text, /Stopped in /);
  assert.deepEqual(ours(), []);
}

async function pasteCurlLine(terminal: Terminal): Promise<string> {
  const [, command = ""] = await terminal.until(/^\s*(curl -N[\s\S]*?'\{.*\}')\s*$/m, 1_000);
  const { stdout } = await run("sh", ["-c", command], { timeout: 20_000 });
  return stdout;
}

describe("first run", { concurrency: false }, () => {
  let firstKey: string | undefined;

  test("one command leads to a curl line that streams an answer when it is pasted", async () => {
    const terminal = start(await freePort());
    await terminal.until(/Ready in/, patienceMs);
    const answer = await pasteCurlLine(terminal);
    assert.match(answer, /^data: \{/m);
    assert.match(answer, /^data: \[DONE\]$/m);

    const file = join(data, "dev.env");
    assert.equal(statSync(file).mode & 0o777, 0o600);
    const environment = readDevEnv(data);
    firstKey = environment["OPENAI_API_KEY"];
    assert.ok(firstKey?.startsWith("sk-tdm-"));
    assert.ok(terminal.text.includes(firstKey ?? "?"));
    for (const name of ["OPENAI_BASE_URL", "TANDEM_ADMIN_URL", "TANDEM_ADMIN_KEY"]) {
      assert.ok(environment[name], name);
    }
    assert.equal(environment["TANDEM_MODEL"], "mock-1");
    assert.equal(readFileSync(join(data, ".gitignore"), "utf8").trim(), "*");

    await interrupt(terminal);
  });

  test("a second start keeps the keys and the data, and shows no secret again", async () => {
    const port = await freePort();
    const terminal = start(port);
    await terminal.until(/Ready in/, patienceMs);
    assert.equal(readDevEnv(data)["OPENAI_API_KEY"], firstKey);
    assert.ok(!terminal.text.includes(firstKey ?? "sk-tdm-"));
    const models = await fetch(`http://127.0.0.1:${port}/v1/models`, {
      headers: { authorization: `Bearer ${firstKey}` },
    });
    assert.equal(models.status, 200);
    assert.match(await models.text(), /"mock-1"/);
    await interrupt(terminal);
  });

  test("a port that is taken costs one message with the remedy, and nothing is left", async () => {
    assert.ok(engine);
    const taken = Number(new URL(engine.baseUrl).port);
    const terminal = start(taken);
    const code = await terminal.ended;
    assert.notEqual(code, 0);
    assert.match(terminal.text, new RegExp(String(taken)));
    assert.match(terminal.text, /--port/);
    assert.doesNotMatch(terminal.text, /\n\s+at /);
    assert.deepEqual(ours(), []);
  });

  test("a folder that cannot be written costs one message with the remedy", async () => {
    const file = join(folder, "not-a-folder");
    writeFileSync(file, "");
    const terminal = openTerminal(
      ["npm", "start", "--silent", "--", "--data", join(file, "data"), "--no-model"],
      { folder: root },
    );
    assert.notEqual(await terminal.ended, 0);
    assert.match(terminal.text, /--data/);
    assert.doesNotMatch(terminal.text, /\n\s+at /);
    assert.ok(!existsSync(join(file, "data")));
  });
});

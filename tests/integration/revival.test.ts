import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import { freePort } from "@tandem/libs/testing";

const start = fileURLToPath(new URL("../../tools/bootstrap/start.mjs", import.meta.url));
const dataDirectory = mkdtempSync(join(tmpdir(), "tandem-revival-"));
after(() => rmSync(dataDirectory, { recursive: true, force: true }));
const patienceMs = 90_000;

interface Process {
  readonly name: string;
  readonly pid?: number;
}

/** What the supervisor of the moment says, on its control door. */
function status(): Promise<{ readonly pid: number; readonly processes: readonly Process[] }> {
  const owner = readFileSync(join(dataDirectory, "supervisor.json"), "utf8");
  const { control: socketPath } = JSON.parse(owner) as { readonly control: string };
  return new Promise((resolve, reject) => {
    const call = request({ socketPath, path: "/status" }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (chunk: string) => {
        text += chunk;
      });
      response.on("end", () => resolve(JSON.parse(text)));
    });
    call.on("error", reject);
    call.end();
  });
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

test("npm start brings a killed supervisor back, with the very same processes", async () => {
  const words = ["--data", dataDirectory, "--port", String(await freePort()), "--grpc-port", "0"];
  const child = spawn(process.execPath, [start, ...words, "--no-model", "--no-detect"], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  const events: string[] = [];
  createInterface({ input: child.stderr }).on("line", (line) => {
    events.push((JSON.parse(line) as { readonly event: string }).event);
  });
  const exited = new Promise<number | null>((resolve) => child.once("exit", resolve));
  const untilReady = async (times: number): Promise<void> => {
    const endMs = performance.now() + patienceMs;
    while (events.filter((event) => event === "ready").length < times) {
      assert.ok(performance.now() < endMs && child.exitCode === null, events.join(" "));
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  };
  try {
    await untilReady(1);
    const before = await status();
    process.kill(before.pid, "SIGKILL");
    await untilReady(2);
    const now = await status();
    assert.notEqual(now.pid, before.pid);
    const pidsOf = ({ processes }: { readonly processes: readonly Process[] }) =>
      processes.map(({ name, pid }) => `${name} ${pid}`).toSorted();
    assert.deepEqual(pidsOf(now), pidsOf(before));
    assert.ok(events.includes("revived"));
    child.kill("SIGINT");
    assert.equal(await exited, 0);
    assert.deepEqual(
      now.processes.filter(({ pid }) => pid !== undefined && isAlive(pid)),
      [],
    );
  } finally {
    // A test that fails must not leave the platform behind: its starter's end ends it.
    child.kill("SIGKILL");
  }
});

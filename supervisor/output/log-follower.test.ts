import assert from "node:assert/strict";
import { appendFileSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { realWorld } from "@tandem/libs/world";
import { followLogs } from "./log-follower.ts";
import { formatTerminalLine, isUrgent } from "./terminal-line.ts";

const folder = mkdtempSync(join(tmpdir(), "tandem-logs-"));
after(() => rmSync(folder, { recursive: true }));
const world = realWorld();

describe("followLogs", () => {
  test("hands on whole lines that were written after it began, and the rest at the end", () => {
    const seen: string[] = [];
    appendFileSync(join(folder, "auth.log"), "old\n");
    const follower = followLogs({
      world,
      folder,
      processes: () => ["auth"],
      rotateBytes: 1024,
      onLine: (process, line) => seen.push(`${process}: ${line}`),
    });
    appendFileSync(join(folder, "auth.log"), "one\ntwo\nthr");
    follower.close();
    assert.deepEqual(seen, ["auth: one", "auth: two"]);
  });

  test("a writer that never stops is kept within two files of the bound", () => {
    const path = join(folder, "loud.log");
    let lines = 0;
    for (let round = 0; round < 40; round += 1) {
      const follower = followLogs({
        world,
        folder,
        processes: () => ["loud"],
        rotateBytes: 4096,
        onLine: () => {
          lines += 1;
        },
      });
      appendFileSync(path, `${"x".repeat(99)}\n`.repeat(10));
      follower.close();
    }
    assert.equal(lines, 400);
    assert.ok(statSync(path).size <= 4096 + 1000);
    assert.ok(statSync(`${path}.1`).size <= 4096 + 1000);
    assert.match(readFileSync(`${path}.1`, "utf8"), /^x{99}\n/);
  });
});

describe("formatTerminalLine", () => {
  const options = { process: "ai-gateway-1", isColoured: false };

  test("shows prefix, time, level, event and what else is said", () => {
    const line = JSON.stringify({
      level: "warn",
      time: "2026-11-22T08:00:01.000Z",
      process: "ai-gateway-1",
      replica: "ai-1",
      event: "upstream_lost",
      upstream: "vllm-1",
      error: "connect refused",
    });
    assert.equal(
      formatTerminalLine(line, options),
      'ai-gateway-1      08:00:01 warn  ai-1 upstream_lost upstream=vllm-1 error="connect refused"',
    );
  });

  test("passes on what is no JSON: the last words of a crash matter most", () => {
    const line = "FATAL ERROR: Reached heap limit";
    assert.equal(formatTerminalLine(line, options), `ai-gateway-1      ${line}`);
    assert.ok(isUrgent(line));
    assert.ok(!isUrgent('{"level":"info","event":"x"}'));
  });
});

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { createLog } from "./index.ts";

const program = `
  import { createLog } from ${JSON.stringify(join(import.meta.dirname, "index.ts"))};
  const log = createLog({ level: "info", fields: {} });
  for (let line = 0; line < 50; line += 1) log.info("filler", { text: "x".repeat(100_000) });
  log.flush();
  process.stderr.write("alive");
`;

describe("createLog", () => {
  test("a disk without room costs lines, never the process", () => {
    const full = openSync("/dev/full", "w");
    try {
      const { stderr } = spawnSync(process.execPath, ["--input-type=module", "-e", program], {
        stdio: ["ignore", full, "pipe"],
        encoding: "utf8",
      });
      assert.equal(stderr, "alive");
    } finally {
      closeSync(full);
    }
  });

  test("a line says when, how grave and what, with the fields of its log", () => {
    const lines: string[] = [];
    const log = createLog({
      level: "info",
      fields: { process: "auth" },
      write: (line) => lines.push(line),
    });
    log.debug("unseen");
    log.with({ replica: "auth-1" }).warn("store_lost", { store: "database" });
    assert.equal(lines.length, 1);
    const { time, ...rest } = JSON.parse(lines[0] ?? "") as Record<string, unknown>;
    assert.match(String(time), /^\d{4}-\d\d-\d\dT/);
    assert.deepEqual(rest, {
      level: "warn",
      process: "auth",
      replica: "auth-1",
      store: "database",
      event: "store_lost",
    });
  });
});

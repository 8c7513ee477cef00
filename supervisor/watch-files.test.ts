import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { realWorld } from "@tandem/libs/world";
import { watchFiles } from "./watch-files.ts";

const sourceFolder = mkdtempSync(join(tmpdir(), "tandem-watch-"));
after(() => rmSync(sourceFolder, { recursive: true }));

describe("watchFiles", () => {
  test("tells of a change once, when the files have become quiet", async () => {
    mkdirSync(join(sourceFolder, "services", "auth", "core"), { recursive: true });
    let told = 0;
    const changed = new Promise<readonly string[]>((resolve) => {
      const watcher = watchFiles({
        sourceFolder,
        world: realWorld(),
        onChange: (paths) => {
          told += 1;
          watcher.close();
          resolve(paths);
        },
      });
    });
    writeFileSync(join(sourceFolder, "services", "auth", "main.ts"), "1");
    writeFileSync(join(sourceFolder, "services", "auth", "core", "rule.ts"), "1");
    writeFileSync(join(sourceFolder, "services", "auth", "main.ts"), "2");
    const paths = [...(await changed)].sort();
    assert.deepEqual(paths, ["services/auth/core/rule.ts", "services/auth/main.ts"]);
    assert.equal(told, 1);
  });
});

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { cpSync, mkdtempSync, readdirSync, rmSync, statSync, utimesSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { heapFlags } from "./fleet/launch.ts";
import { warmUp } from "./warm-up.ts";

const folder = mkdtempSync(join(tmpdir(), "tandem-warm-"));
after(() => rmSync(folder, { recursive: true }));

describe("warmUp", () => {
  const compileCache = join(folder, "compile");
  const sourceFolder = join(folder, "source");
  const options = { compileCache, sourceFolder, deployables: ["ai"] };
  const stampTime = (): number => statSync(join(compileCache, "warm.json")).mtimeMs;

  test("leaves compiled code, once for as long as no source changes", async () => {
    cpSync(join(import.meta.dirname, "fixtures"), join(sourceFolder, "supervisor"), {
      recursive: true,
    });
    await warmUp(options);
    const compiled = readdirSync(compileCache, { recursive: true }).length;
    assert.ok(compiled > 20, `${compiled} files`);
    const first = stampTime();
    await warmUp(options);
    assert.equal(stampTime(), first);
    utimesSync(join(sourceFolder, "supervisor", "serve.ts"), new Date(1), new Date(1));
    await warmUp(options);
    assert.notEqual(stampTime(), first);
  });

  test("code that cannot be loaded does not keep anybody from starting", async () => {
    await warmUp({ ...options, deployables: ["nothing"] });
    await warmUp({ ...options, compileCache: "/dev/null/cache" });
  });

  test("no process has flags under which compiled code is refused", () => {
    for (const host of ["router/1", "ai/1", "auth/1"]) {
      const flags = heapFlags({ hosts: [host], heapMib: 512 });
      assert.equal(tagUnder(flags), tagUnder([]), flags.join(" "));
    }
  });
});

/** What V8 asks of compiled code. */
function tagUnder(flags: readonly string[]): string {
  const program = "console.log(require('node:v8').cachedDataVersionTag())";
  return execFileSync(process.execPath, [...flags, "-e", program], { encoding: "utf8" });
}

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { cpSync, mkdtempSync, readdirSync, rmSync, statSync, utimesSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { codeGroups, heapFlags } from "./fleet/launch.ts";
import { warmUp } from "./warm-up.ts";

const folder = mkdtempSync(join(tmpdir(), "tandem-warm-"));
after(() => rmSync(folder, { recursive: true }));

describe("warmUp", () => {
  const compileCache = join(folder, "compile");
  const sourceFolder = join(folder, "source");
  const groups = [{ flags: [], deployables: ["ai"] }];
  const options = { compileCache, sourceFolder, groups };
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
    await warmUp({ ...options, groups: [{ flags: [], deployables: ["nothing"] }] });
    await warmUp({ ...options, compileCache: "/dev/null/cache" });
  });

  test("every process finds code that was compiled under its own flags", async () => {
    const processes = [
      { hosts: ["router/1"], heapMib: 512 },
      { hosts: ["ai/1"], heapMib: 1024 },
      { hosts: ["ai/2"] },
      { hosts: ["auth/1", "users/1"], heapMib: 512 },
    ];
    const groups = codeGroups(processes);
    assert.deepEqual(
      groups.map(({ deployables }) => deployables),
      [
        ["router", "ai"],
        ["auth", "users"],
      ],
    );
    for (const [at, alike] of [
      [0, processes.slice(0, 3)],
      [1, processes.slice(3)],
    ] as const) {
      const wanted = tagUnder(groups[at]?.flags ?? []);
      for (const spec of alike) assert.equal(tagUnder(heapFlags(spec)), wanted);
    }
    const own = join(folder, "of-groups");
    await warmUp({ ...options, compileCache: own, groups: codeGroups(processes.slice(0, 4)) });
    const tags = readdirSync(own).filter((name) => name.startsWith("v"));
    assert.equal(tags.length, new Set(groups.map(({ flags }) => tagUnder(flags))).size);
  });
});

/** What V8 asks of compiled code. */
function tagUnder(flags: readonly string[]): string {
  const program = "console.log(require('node:v8').cachedDataVersionTag())";
  return execFileSync(process.execPath, [...flags, "-e", program], { encoding: "utf8" });
}

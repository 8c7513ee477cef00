import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { test } from "node:test";

const root = join(import.meta.dirname, "..");
const mains = [
  "supervisor/host/run-host.ts",
  "router/main.ts",
  "gateways/ai/main.ts",
  "services/auth/main.ts",
];

test("the quick way finds the same modules, of the same kind, as Node's own", () => {
  const modules = loadedAfter("");
  assert.ok(modules.length > 600, `${modules.length} modules`);
  const quick = 'import { resolveQuickly } from "./supervisor/quick-resolve.ts"; resolveQuickly();';
  assert.deepEqual(loadedAfter(quick), modules);
});

/** All modules that the mains load, as `format url`, once this has run. */
function loadedAfter(first: string): readonly string[] {
  const program = `
    import { registerHooks } from "node:module";
    const loaded = [];
    registerHooks({
      load(url, context, nextLoad) {
        const { format, ...rest } = nextLoad(url, context);
        loaded.push(format + " " + url);
        return { format, ...rest };
      },
    });
    ${first}
    for (const main of ${JSON.stringify(mains)}) await import("${root}/" + main);
    console.log(loaded.filter((line) => !line.endsWith("quick-resolve.ts")).sort().join("\\n"));
    process.exit(0);
  `;
  const options = { cwd: root, encoding: "utf8", maxBuffer: 16 * 1024 * 1024 } as const;
  const output = execFileSync(process.execPath, ["--input-type=module", "-e", program], options);
  return output.trim().split("\n");
}

/**
 * Writes everything that follows from something else: contract code, OpenAPI files, reference
 * pages. `--check` writes nothing and fails when a file is not what would be written.
 */
import { spawnSync } from "node:child_process";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { configReference } from "./config-reference.ts";
import { decisionsIndex } from "./decisions-index.ts";
import { dialectsReference } from "./dialects-reference.ts";
import { faultsReference } from "./faults-reference.ts";
import { openapiFiles } from "./openapi.ts";

const root = join(import.meta.dirname, "../..");

/** Path from the root → the text that belongs there. */
type GeneratedFile = readonly [path: string, text: string];

async function generatedFiles(): Promise<readonly GeneratedFile[]> {
  return [
    ["docs/reference/faults.md", await faultsReference(root)],
    ["docs/reference/config.md", await configReference(root)],
    ["docs/reference/dialects.md", dialectsReference()],
    ["docs/decisions/README.md", await decisionsIndex(root)],
    ...(await openapiFiles(root)),
  ];
}

/** Contract code by buf. In check mode into a folder of its own, to be compared. */
function generateContracts(): void {
  const buf = spawnSync("../node_modules/.bin/buf", ["generate"], {
    cwd: join(root, "contracts"),
    stdio: "inherit",
  });
  if (buf.status !== 0) throw new Error("buf generate failed; see above");
}

const isCheck = process.argv.includes("--check");
const stale: string[] = [];
if (!isCheck) generateContracts();
for (const [path, text] of await generatedFiles()) {
  const file = join(root, path);
  const existing = await readFile(file, "utf8").catch(() => "");
  if (existing === text) continue;
  stale.push(path);
  if (isCheck) continue;
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, text);
}
if (isCheck && stale.length > 0) {
  console.error(`Not up to date: ${stale.join(", ")}. Run: npm run gen`);
  process.exitCode = 1;
} else {
  console.log(stale.length === 0 ? "Everything generated is up to date." : stale.join("\n"));
}

/**
 * `npm test`: every test file, first those beside the code, two at a time, then those that start
 * the whole product, one at a time, since they measure it. Arguments narrow the files by path. Ends
 * with one line `N passed, N failed, N skipped`.
 */
import { globSync } from "node:fs";
import { join } from "node:path";
import { run } from "node:test";
import { spec } from "node:test/reporters";

const root = join(import.meta.dirname, "..");
const fileTimeoutMs = 600_000;

interface Counts {
  passed: number;
  failed: number;
  skipped: number;
}

const wanted = process.argv.slice(2);
const files = globSync("**/*.test.ts", { cwd: root, exclude: (path) => isForeign(path) })
  .filter((file) => wanted.length === 0 || wanted.some((part) => file.includes(part)))
  .sort();
const isWhole = (file: string): boolean => file.startsWith("tests/");

const counts: Counts = { passed: 0, failed: 0, skipped: 0 };
await runFiles(
  files.filter((file) => !isWhole(file)),
  { concurrency: 2 },
);
await runFiles(files.filter(isWhole), { concurrency: 1 });
console.log(`${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`);
if (counts.failed > 0 || counts.passed === 0) process.exitCode = 1;

function isForeign(path: string): boolean {
  return /(^|\/)(node_modules|\.tandem|\.git)(\/|$)/.test(path);
}

async function runFiles(
  some: readonly string[],
  { concurrency }: { readonly concurrency: number },
): Promise<void> {
  if (some.length === 0) return;
  const stream = run({
    files: some.map((file) => join(root, file)),
    cwd: root,
    concurrency,
    timeout: fileTimeoutMs,
  });
  const count = (name: keyof Counts) => (event: { readonly details: { type?: string } }) => {
    if (event.details.type !== "suite") counts[name] += 1;
  };
  stream.on("test:pass", (event) => {
    const isSkipped = event.skip !== undefined && event.skip !== false;
    count(isSkipped ? "skipped" : "passed")(event);
  });
  stream.on("test:fail", count("failed"));
  for await (const text of stream.compose(new spec())) process.stdout.write(String(text));
}

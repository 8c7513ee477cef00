/**
 * `npm test`: every test file, two at a time: first simulations and those beside the code, then
 * those that start the whole product; at last, one at a time, those that break it and hold what
 * callers notice against a clock. A file that failed is
 * run once more, by itself, and named: on a busy machine a bound of time may be missed once, a
 * broken promise is broken twice. Arguments narrow the files by path. Ends with the files that took
 * longest and `N passed, N failed, N skipped`.
 */
import { globSync } from "node:fs";
import { join } from "node:path";
import { run } from "node:test";
import { spec } from "node:test/reporters";
import { endMarked, findMarked, markName } from "./leftovers.ts";

const root = join(import.meta.dirname, "..");
/** The long forms of chaos tests take most of it: six outages of a minute, and quiet before each. */
const fileTimeoutMs = 900_000;
const lookEveryMs = 2_000;
/** Looks in a row at which a file's process has ended, and its output has not. */
const looksWithoutMax = 5;
const slowestShown = 15;

interface Counts {
  passed: number;
  failed: number;
  skipped: number;
}

const wanted = process.argv.slice(2);
const files = globSync("**/*.test.ts", { cwd: root, exclude: (path) => isForeign(path) })
  .filter((file) => wanted.length === 0 || wanted.some((part) => file.includes(part)))
  .sort();
/** Time is simulated there, so a busy processor changes nothing, and they take long. */
const isSimulated = (file: string): boolean => file.startsWith("tests/simulation/");
const isTimed = (file: string): boolean =>
  /^tests\/chaos\/|\/(limits|million|revocation-speed)\./.test(file);
const isWhole = (file: string): boolean =>
  file.startsWith("tests/") && !isSimulated(file) && !isTimed(file);
const isBeside = (file: string): boolean => !file.startsWith("tests/") && !isTimed(file);

const results = new Map<string, Counts>();
const tookMs = new Map<string, number>();
const paired = [isSimulated, isBeside, isWhole].flatMap((kind) => files.filter(kind));
await runFiles(paired, { concurrency: 2 });
await runFiles(files.filter(isTimed), { concurrency: 1 });
const failedOnce = files.filter((file) => (results.get(file)?.failed ?? 0) > 0);
await runFiles(failedOnce, { concurrency: 1 });

const slowest = [...tookMs].sort(([, a], [, b]) => b - a).slice(0, slowestShown);
for (const [file, ms] of slowest) {
  if (files.length > 1) console.log(`${(ms / 1_000).toFixed(1).padStart(7)} s  ${file}`);
}
for (const file of failedOnce) {
  const isGood = (results.get(file)?.failed ?? 1) === 0;
  console.log(`${isGood ? "failed once, then passed" : "failed twice"}: ${file}`);
}
const sum = (name: keyof Counts): number =>
  [...results.values()].reduce((total, counts) => total + counts[name], 0);
console.log(`${sum("passed")} passed, ${sum("failed")} failed, ${sum("skipped")} skipped`);
if (sum("failed") > 0 || sum("passed") === 0) process.exitCode = 1;

function isForeign(path: string): boolean {
  return /(^|\/)(node_modules|\.tandem|\.git)(\/|$)/.test(path);
}

/** Runs these files and notes what each came to, in place of an earlier run's result. */
async function runFiles(
  some: readonly string[],
  { concurrency }: { readonly concurrency: number },
): Promise<void> {
  const waiting = [...some];
  const work = async (): Promise<void> => {
    for (let file = waiting.shift(); file !== undefined; file = waiting.shift()) {
      results.set(file, await runFile(file));
    }
  };
  await Promise.all(Array.from({ length: concurrency }, work));
}

/**
 * A run of its own for each file: an event names the file in which its test is written, which for a
 * shared suite is not the file that was run, and what a suite came to must count all the same.
 */
async function runFile(file: string): Promise<Counts> {
  const counts = { passed: 0, failed: 0, skipped: 0 };
  const startMs = performance.now();
  const stream = run({
    files: [join(root, file)],
    cwd: root,
    timeout: fileTimeoutMs,
    // A test that failed may not have come to close what would keep its process alive for ever.
    execArgv: ["--test-force-exit", "--import", join(import.meta.dirname, "compile-cache.ts")],
    env: { ...process.env, [markName]: file },
  });
  stream.on("test:pass", ({ details, skip }) => {
    if (details.type === "suite") return;
    counts[skip === undefined || skip === false ? "passed" : "skipped"] += 1;
  });
  stream.on("test:fail", () => {
    counts.failed += 1;
  });
  const watch = watchFile(file);
  let text = "";
  for await (const part of stream.compose(new spec())) text += String(part);
  clearInterval(watch);
  const left = endMarked(file).map(({ pid, command }) => `left running: ${pid} ${command}\n`);
  const ms = performance.now() - startMs;
  tookMs.set(file, Math.max(tookMs.get(file) ?? 0, ms));
  process.stdout.write(`${file} took ${(ms / 1_000).toFixed(1)} s\n${left.join("")}${text}\n`);
  return counts;
}

/**
 * A run ends when the output of its process does, which something left running may hold for ever.
 * Once the process itself has gone, or should have gone long ago, so must all that it started.
 */
function watchFile(file: string): NodeJS.Timeout {
  const startMs = performance.now();
  let looksWithout = 0;
  return setInterval(() => {
    const isThere = findMarked(file).some(({ parentPid }) => parentPid === process.pid);
    looksWithout = isThere ? 0 : looksWithout + 1;
    const isLate = performance.now() - startMs > fileTimeoutMs + 30_000;
    if (!isLate && looksWithout < looksWithoutMax) return;
    for (const { pid, command } of endMarked(file)) {
      process.stdout.write(`${file}: ended ${pid}, which held its output: ${command}\n`);
    }
  }, lookEveryMs);
}

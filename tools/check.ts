/**
 * `npm run check`: what a change must pass before anybody looks at it. Every step runs, even if one
 * before it failed, so that all problems are seen at once; each prints how long it took.
 */
import { spawn } from "node:child_process";
import { join } from "node:path";

const root = join(import.meta.dirname, "..");
const bin = join(root, "node_modules/.bin");

interface Step {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
}

const node = process.execPath;
const folders = "libs router supervisor gateways services clients tests bench tools";
const sources = folders.split(" ");

const steps: readonly Step[] = [
  { name: "format and lint", command: join(bin, "biome"), args: ["check", "."] },
  {
    name: "types",
    command: node,
    args: [join(root, "node_modules/typescript/bin/tsc"), "-p", "."],
  },
  {
    name: "boundaries",
    command: node,
    args: [
      join(root, "node_modules/dependency-cruiser/bin/dependency-cruiser.mjs"),
      ...["--config", ".dependency-cruiser.mjs", "--output-type", "err", ...sources],
    ],
  },
  {
    name: "generated files",
    command: node,
    args: [join(root, "tools/generate/main.ts"), "--check"],
  },
  {
    name: "house rules",
    command: node,
    args: ["--test", "--test-reporter=dot", "tools/tidy.test.ts"],
  },
  {
    name: "unit tests",
    command: node,
    args: [
      ...["--test", "--test-reporter=dot", "--test-concurrency=2"],
      ...["libs/{kernel,world,config,service,gateway,resilience}/**/*.test.ts"],
      ...["{router,gateways,services,supervisor,clients}/**/core/**/*.test.ts"],
    ],
  },
];

/** Two cores: two at a time, in the order above. Output comes whole, when a step has ended. */
const stepsAtOnce = 2;

interface Outcome {
  readonly isOk: boolean;
  readonly seconds: string;
  readonly output: string;
}

function runStep({ command, args }: Step): Promise<Outcome> {
  const startedMs = performance.now();
  const child = spawn(command, args, { cwd: root, stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (chunk: string) => {
      output += chunk;
    });
  }
  return new Promise((resolve) => {
    const end = (isOk: boolean): void => {
      const seconds = ((performance.now() - startedMs) / 1000).toFixed(1);
      resolve({ isOk, seconds, output: output.trim() });
    };
    child.once("error", (error) => {
      output += String(error);
      end(false);
    });
    child.once("close", (code) => end(code === 0));
  });
}

const waiting = [...steps];
let failed = 0;
async function work(): Promise<void> {
  for (let step = waiting.shift(); step !== undefined; step = waiting.shift()) {
    const { isOk, seconds, output } = await runStep(step);
    console.log(`${isOk ? "✓" : "✗"} ${step.name.padEnd(18)} ${seconds} s`);
    if (isOk) continue;
    failed += 1;
    console.log(output);
  }
}
const startedMs = performance.now();
await Promise.all(Array.from({ length: stepsAtOnce }, work));
console.log(`  ${"all".padEnd(18)} ${((performance.now() - startedMs) / 1000).toFixed(1)} s`);
if (failed > 0) {
  console.error(`${failed} of ${steps.length} steps failed.`);
  process.exitCode = 1;
}

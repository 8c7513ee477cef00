/**
 * `npm run check`: what a change must pass before anybody looks at it. Every step runs, even if one
 * before it failed, so that all problems are seen at once; each prints how long it took.
 */
import { spawnSync } from "node:child_process";
import { join } from "node:path";

const root = join(import.meta.dirname, "..");
const bin = join(root, "node_modules/.bin");

interface Step {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
}

const node = process.execPath;
const sources = ["libs", "router", "supervisor", "gateways", "services", "tests", "bench", "tools"];

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
      join(root, "node_modules/dependency-cruiser/bin/dependency-cruise.mjs"),
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
      ...["{router,gateways,services,supervisor}/**/core/**/*.test.ts"],
    ],
  },
];

let failed = 0;
for (const { name, command, args } of steps) {
  const startedMs = performance.now();
  const result = spawnSync(command, args, { cwd: root, encoding: "utf8" });
  const seconds = ((performance.now() - startedMs) / 1000).toFixed(1);
  const isOk = result.status === 0;
  console.log(`${isOk ? "✓" : "✗"} ${name.padEnd(18)} ${seconds} s`);
  if (isOk) continue;
  failed += 1;
  console.log(`${result.stdout}${result.stderr}`.trim());
}
if (failed > 0) {
  console.error(`${failed} of ${steps.length} steps failed.`);
  process.exitCode = 1;
}

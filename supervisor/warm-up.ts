import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import {
  type Dirent,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";

export interface WarmUpOptions {
  readonly compileCache: string;
  readonly sourceFolder: string;
  readonly deployables: readonly string[];
}

const stampsMax = 8;
const sources = ["libs", "contracts", "router", "gateways", "services", "supervisor"];

/**
 * Sees to it that the code of all deployables is compiled before their processes start. A dozen
 * processes that each compile the same libraries at once take ten times as long, keep the database
 * from starting, and then all write the same cache when they stop. Does nothing when no source
 * file has changed since the last time; never fails, since it only saves time.
 */
export async function warmUp(options: WarmUpOptions): Promise<void> {
  const { compileCache } = options;
  const stampFile = join(compileCache, "warm.json");
  const stamp = stampOf(options);
  const known = (readOr(stampFile) ?? "").split("\n");
  if (known.includes(stamp)) return;
  if (!(await compile(options))) return;
  try {
    mkdirSync(compileCache, { recursive: true });
    // Of the releases before too: the way back is as warm.
    writeFileSync(stampFile, [stamp, ...known].slice(0, stampsMax).join("\n"));
  } catch {
    // Then it is warmed up again the next time.
  }
}

/** Whether it came to its end. */
function compile({ compileCache, sourceFolder, deployables }: WarmUpOptions): Promise<boolean> {
  const program = join(import.meta.dirname, "host", "warm-up.ts");
  const words = [program, compileCache, sourceFolder, ...deployables];
  const child = spawn(process.execPath, words, { stdio: "ignore" });
  return new Promise((resolve) => {
    child.once("error", () => resolve(false));
    child.once("exit", (code) => resolve(code === 0));
  });
}

/** Changes with every source file, the deployables, the packages and the runtime. */
function stampOf({ sourceFolder, deployables }: WarmUpOptions): string {
  const hash = createHash("sha256").update(`${process.version} ${deployables.join(" ")}\n`);
  hash.update(readOr(join(sourceFolder, "package-lock.json")) ?? "");
  for (const folder of sources) addFolder(hash, join(sourceFolder, folder));
  return hash.digest("hex");
}

function addFolder(hash: ReturnType<typeof createHash>, folder: string): void {
  for (const entry of entriesOf(folder)) {
    const path = join(folder, entry.name);
    if (entry.isDirectory() && entry.name !== "node_modules") addFolder(hash, path);
    if (!/\.(ts|js)$/.test(entry.name) || /\.(test|suite|d)\.ts$/.test(entry.name)) continue;
    const { mtimeMs, size } = statSync(path, { throwIfNoEntry: false }) ?? { mtimeMs: 0, size: 0 };
    hash.update(`${path} ${mtimeMs} ${size}\n`);
  }
}

function entriesOf(folder: string): readonly Dirent[] {
  try {
    return readdirSync(folder, { withFileTypes: true });
  } catch {
    return [];
  }
}

function readOr(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}

import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";

const root = join(import.meta.dirname, "../..");

export interface SourceFile {
  /** From the root, with slashes. */
  readonly path: string;
  readonly text: string;
}

/** Files that git knows or would add, so that what is ignored is not judged. */
export function trackedFiles(pattern: RegExp): readonly SourceFile[] {
  const listed = execFileSync("git", ["ls-files", "-co", "--exclude-standard"], {
    cwd: root,
    encoding: "utf8",
    maxBuffer: 64 * 1024 * 1024,
  });
  const files: SourceFile[] = [];
  for (const path of new Set(listed.split("\n"))) {
    if (!pattern.test(path)) continue;
    try {
      files.push({ path, text: readFileSync(join(root, path), "utf8") });
    } catch {
      // Deleted in the work tree, not yet in the index.
    }
  }
  return files;
}

/** Everything written by hand in a language with functions. */
export function codeFiles(): readonly SourceFile[] {
  return trackedFiles(/\.(ts|mts|mjs)$/).filter(({ path }) => !path.startsWith("contracts/gen/"));
}

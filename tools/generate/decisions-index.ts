import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

/** The list of decision records, from their titles. */
export async function decisionsIndex(root: string): Promise<string> {
  const folder = join(root, "docs/decisions");
  const files = (await readdir(folder)).filter((name) => /^\d{4}-.*\.md$/.test(name)).sort();
  const rows = await Promise.all(
    files.map(async (name) => {
      const title = /^# (?:\d+\. )?(.+)$/m.exec(await readFile(join(folder, name), "utf8"))?.[1];
      return `| ${Number(name.slice(0, 4))} | [${title ?? name}](${name}) |`;
    }),
  );
  return [
    "# Decisions",
    "",
    "One page each: context, options with their honest costs, decision, consequences, when to look",
    "at it again. Dependencies have a [page of their own](dependencies.md).",
    "",
    "| | |",
    "|---|---|",
    ...rows,
    "",
  ].join("\n");
}

import { existsSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";

/** Folders of everything that runs, from the root, in the order in which a request meets them. */
export async function deployableFolders(root: string): Promise<readonly string[]> {
  const inside = async (folder: string): Promise<readonly string[]> => {
    const entries = await readdir(join(root, folder), { withFileTypes: true });
    return entries
      .filter((entry) => entry.isDirectory())
      .map((entry) => `${folder}/${entry.name}`)
      .sort();
  };
  const all = ["router", ...(await inside("gateways")), ...(await inside("services"))];
  return [...all, "services/inference/engine", "supervisor"].filter((folder) =>
    existsSync(join(root, folder)),
  );
}

/** `services/auth` → `auth`, as settings and reasons name it. */
export function deployableName(folder: string): string {
  return folder.split("/").at(-1) ?? folder;
}

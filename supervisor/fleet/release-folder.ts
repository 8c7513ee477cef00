import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { supervisorFaults } from "../faults.ts";

/** The folder in full; throws `supervisor.release_unusable` where there is no release in it. */
export function releaseFolder(given: string): string {
  const folder = resolve(given);
  if (existsSync(join(folder, "package.json")) && existsSync(join(folder, "router", "main.ts"))) {
    return folder;
  }
  throw supervisorFaults.release_unusable({
    publicMessage: `There is no release of Tandem in ${folder}. Nothing was changed.`,
  });
}

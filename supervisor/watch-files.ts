import { existsSync, type FSWatcher, watch } from "node:fs";
import { join } from "node:path";
import type { Timer, World } from "@tandem/libs/world";

const folders = ["libs", "contracts", "router", "gateways", "services", "supervisor"];
const quietMs = 150;

/** Calls back with the source files that have changed, once they have been quiet for a moment. */
export function watchFiles(options: {
  readonly sourceFolder: string;
  readonly world: World;
  /** Paths relative to the source folder. */
  readonly onChange: (paths: readonly string[]) => void;
}): { close(): void } {
  const { sourceFolder, world, onChange } = options;
  const changed = new Set<string>();
  let timer: Timer | undefined;
  const tell = (): void => {
    const paths = [...changed];
    changed.clear();
    onChange(paths);
  };
  const present = folders.filter((folder) => existsSync(join(sourceFolder, folder)));
  const watchers = present.map((folder): FSWatcher => {
    const watcher = watch(join(sourceFolder, folder), { recursive: true }, (_, name) => {
      if (name === null || name.includes("node_modules")) return;
      changed.add(join(folder, name));
      timer?.cancel();
      timer = world.timers.after(quietMs, tell);
    });
    // A folder that vanishes (a branch was switched) ends its watch, not the platform.
    watcher.on("error", () => watcher.close());
    return watcher;
  });
  return {
    close: () => {
      timer?.cancel();
      for (const watcher of watchers) watcher.close();
    },
  };
}

/**
 * `warm-up.ts CACHE_FOLDER SOURCE_FOLDER DEPLOYABLE…`: loads the code of all deployables once and
 * leaves it compiled for the processes that are about to start.
 */
import { enableCompileCache, flushCompileCache } from "node:module";

const [cacheFolder, sourceFolder = "", ...deployables] = process.argv.slice(2);
enableCompileCache(cacheFolder);
const { resolveQuickly } = await import("../quick-resolve.ts");
resolveQuickly();
const { loadDeployable } = await import("./load-deployable.ts");
await import("./run-host.ts");
for (const deployable of deployables) {
  // What cannot be loaded says so, in its own words, when its process starts.
  await loadDeployable(sourceFolder, deployable).catch(() => {});
}
const { loadHotStores } = await import("@tandem/libs/store/hot");
await loadHotStores();
flushCompileCache();
process.exit(0);

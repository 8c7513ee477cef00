/**
 * The program of every process of a topology: `host.ts CACHE_FOLDER SITE_FILE SOURCE_FOLDER
 * DEPLOYABLE…`. Only what must happen before any other module is loaded stands here, so that the
 * compile cache covers all the rest. It is written at exit and not before: writing it takes as long
 * as compiling did.
 */
import { enableCompileCache } from "node:module";

const [cacheFolder, siteFile, sourceFolder, ...deployables] = process.argv.slice(2);
enableCompileCache(cacheFolder);
const { resolveQuickly } = await import("./quick-resolve.ts");
resolveQuickly();
const { runHost } = await import("./host/run-host.ts");
await runHost({
  siteFile: siteFile ?? "",
  sourceFolder: sourceFolder ?? "",
  deployables,
});

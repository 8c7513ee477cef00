/**
 * `npm start`: the supervisor's entrance. Only what must happen before any other module is loaded
 * stands here, so that the compile cache covers all the rest and later starts are faster.
 */
import { enableCompileCache } from "node:module";
import { join } from "node:path";
import { parseArgs } from "node:util";

const args = process.argv.slice(2);
const { values } = parseArgs({ args, options: { data: { type: "string" } }, strict: false });
const data = typeof values.data === "string" ? values.data : ".tandem";
enableCompileCache(join(data, "cache", "compile"));
const { resolveQuickly } = await import("./quick-resolve.ts");
resolveQuickly();
const { command } = await import("./command.ts");
await command(args);

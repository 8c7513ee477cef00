/** Runs one of the project's tools: `node tools/bootstrap/run.mjs tools/check.ts`. */
import { ensureInstalled } from "./install.mjs";
import { runNode } from "./run-node.mjs";

ensureInstalled({ dev: true });
runNode(process.argv.slice(2));

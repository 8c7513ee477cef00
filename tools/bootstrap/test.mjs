/** `npm test`: installs what is missing, then runs the tests; arguments narrow them by path. */
import { ensureInstalled } from "./install.mjs";
import { runNode } from "./run-node.mjs";

ensureInstalled({ dev: true });
runNode(["tools/test.ts", ...process.argv.slice(2)]);

/**
 * `npm start`: installs what is missing, then hands over to the supervisor. Should that be killed,
 * its processes serve on, and the next one takes them over: it is started at once.
 */
import { ensureInstalled } from "./install.mjs";
import { runNode } from "./run-node.mjs";

ensureInstalled({ dev: false });
runNode(["supervisor/main.ts", ...process.argv.slice(2)], { isRevived: true });

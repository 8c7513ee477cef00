/** `npm start`: installs what is missing, then hands over to the supervisor. */
import { ensureInstalled } from "./install.mjs";
import { runNode } from "./run-node.mjs";

ensureInstalled({ dev: false });
runNode(["supervisor/main.ts", ...process.argv.slice(2)]);

#!/usr/bin/env node
/** `tandem`: hands over to Node 24, which npm brought where the machine's own is older. */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { nodeBinary } from "../../../tools/bootstrap/run-node.mjs";

const main = fileURLToPath(new URL("../main.ts", import.meta.url));
const { status, signal } = spawnSync(nodeBinary(), [main, ...process.argv.slice(2)], {
  stdio: "inherit",
});
process.exitCode = status ?? (signal === "SIGINT" ? 130 : 1);

/** Runs a TypeScript file under Node 24, and ends as it ends. */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { root } from "./install.mjs";
import { fail } from "./tell.mjs";

const majorWanted = 24;

/** The machine's own Node where it is new enough, else the one that npm brought. */
export function nodeBinary() {
  if (Number(process.versions.node.split(".")[0]) >= majorWanted) return process.execPath;
  const carried = join(root, `node_modules/node-${process.platform}-${process.arch}/bin/node`);
  if (existsSync(carried)) return carried;
  return fail({
    code: "tandem-E1102",
    what: `Tandem runs on Node ${majorWanted}; this is ${process.version}, and none comes by npm here.`,
    remedy: `Install Node ${majorWanted} or newer for ${process.platform} on ${process.arch}.`,
    detail: "",
  });
}

/** @param {readonly string[]} args The file, from the root, and its arguments. */
export function runNode([file, ...args]) {
  const child = spawn(nodeBinary(), [join(root, file), ...args], {
    // The channel tells the supervisor when we are gone, killed included.
    stdio: ["inherit", "inherit", "inherit", "ipc"],
    env: process.env,
  });
  // A terminal sends Ctrl-C to all of us; passing it on again would count as the second one.
  const isShared = process.stdin.isTTY === true;
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
    process.on(signal, () => {
      if (signal !== "SIGINT" || !isShared) child.kill(signal);
    });
  }
  child.on("error", (error) => {
    fail({
      code: "tandem-E1103",
      what: "Node could not be started.",
      remedy: "Run the command again; if it fails again, delete node_modules.",
      detail: String(error),
    });
  });
  child.on("exit", (code, signal) => {
    process.exitCode = code ?? (signal === "SIGINT" ? 130 : 1);
  });
}

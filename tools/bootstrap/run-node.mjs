/** Runs a TypeScript file under Node 24, and ends as it ends. */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { root } from "./install.mjs";
import { fail, tell } from "./tell.mjs";

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

/** How a program ends that nobody has told to: killed, out of memory, or by a bug of its own. */
const suddenSignals = new Set(["SIGKILL", "SIGABRT", "SIGSEGV", "SIGBUS", "SIGILL", "SIGTRAP"]);
const bugExitCode = 70;
/** Deaths in a row, each within a minute: then starting it again helps nobody. */
const deathsMax = 5;
const longLifeMs = 60_000;

/**
 * @param {readonly string[]} args The file, from the root, and its arguments.
 * @param {{ isRevived?: boolean }} options Start it again when it dies without having been told to.
 */
export function runNode([file, ...args], { isRevived = false } = {}) {
  let child;
  let isTold = false;
  let deaths = 0;
  // A terminal sends Ctrl-C to all of us; passing it on again would count as the second one.
  const isShared = process.stdin.isTTY === true;
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
    process.on(signal, () => {
      isTold = true;
      if (signal !== "SIGINT" || !isShared) child.kill(signal);
    });
  }
  const start = () => {
    const startMs = performance.now();
    child = spawn(nodeBinary(), [join(root, file), ...args], {
      // The channel tells the supervisor when we are gone, killed included.
      stdio: ["inherit", "inherit", "inherit", "ipc"],
      env: process.env,
    });
    child.on("error", (error) => {
      fail({
        code: "tandem-E1103",
        what: "Node could not be started.",
        remedy: "Run the command again; if it fails again, delete node_modules.",
        detail: String(error),
      });
    });
    child.on("exit", (code, signal) => {
      deaths = performance.now() - startMs > longLifeMs ? 1 : deaths + 1;
      const isSudden = suddenSignals.has(signal) || code === bugExitCode;
      if (isRevived && isSudden && !isTold && deaths < deathsMax) {
        tell("revived", `The supervisor died (${signal ?? code}); starting it again …`);
        start();
      } else {
        process.exitCode = code ?? (signal === "SIGINT" ? 130 : 1);
      }
    });
  };
  start();
}

/**
 * Installs what is missing, with nothing but Node 20.20 and npm. A stamp in node_modules says for
 * which lock file, and whether with development packages, the last installation went through.
 */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fail, tell } from "./tell.mjs";

export const root = join(import.meta.dirname, "../..");
const modules = join(root, "node_modules");
const stampFile = join(modules, ".tandem-install.json");

/** @param {{ dev: boolean }} wanted Development packages are wanted by tests and tools only. */
export function ensureInstalled({ dev }) {
  const lock = createHash("sha256").update(readFileSync(join(root, "package-lock.json")));
  const lockHash = lock.digest("hex");
  const stamp = readStamp();
  const isCurrent = stamp?.lockHash === lockHash;
  if (isCurrent && (stamp.dev || !dev)) return;
  tell(
    "installing",
    dev ? "Installing packages, those for development too …" : "Installing packages …",
  );
  const omit = dev || stamp?.dev === true ? [] : ["--omit=dev"];
  // Adding to a good installation leaves what is there alone: a Tandem may be running from it.
  const command = isCurrent ? ["install", "--no-save"] : ["ci"];
  runNpm([...command, ...omit, "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]);
  mkdirSync(modules, { recursive: true });
  writeFileSync(stampFile, JSON.stringify({ lockHash, dev: omit.length === 0 }));
}

function readStamp() {
  if (!existsSync(stampFile)) return undefined;
  try {
    return JSON.parse(readFileSync(stampFile, "utf8"));
  } catch {
    return undefined;
  }
}

function runNpm(args) {
  const cli = process.env.npm_execpath;
  const isScript = cli !== undefined && /npm-cli\.c?js$/.test(cli);
  const [command, first] = isScript ? [process.execPath, [cli]] : ["npm", []];
  const result = spawnSync(command, [...first, ...args], { cwd: root, encoding: "utf8" });
  if (result.status === 0) return;
  const output = `${result.stdout ?? ""}${result.stderr ?? result.error ?? ""}`.trim();
  fail({
    code: "tandem-E1101",
    what: "The packages that Tandem is made of could not be installed.",
    remedy: remedyFor(output),
    detail: output.split("\n").slice(-12).join("\n"),
  });
}

function remedyFor(output) {
  if (/ENOSPC/.test(output)) return "The disk is full. Free 700 MB and start again.";
  if (/EACCES|EPERM|EROFS/.test(output)) {
    return "This folder cannot be written to. Own it, or clone the repository where you may write.";
  }
  if (/ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ETIMEDOUT|ECONNRESET|network/i.test(output)) {
    return "The package registry cannot be reached. Check the network or npm's proxy settings.";
  }
  return "npm said why, below. Nothing was started.";
}

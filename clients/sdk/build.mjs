/** Makes a package that runs anywhere of sources that run in Node 24: `node build.mjs [folder]`. */
import { spawnSync } from "node:child_process";
import { copyFileSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";

const here = import.meta.dirname;
const folder = resolve(process.argv[2] ?? join(here, "dist"));

rmSync(folder, { recursive: true, force: true });
const compiler = createRequire(import.meta.url).resolve("typescript/bin/tsc");
const args = [compiler, "-p", join(here, "tsconfig.build.json"), "--outDir", folder];
const { status } = spawnSync(process.execPath, args, { stdio: "inherit" });
if (status !== 0) process.exit(status ?? 1);

const { name, version, description, license } = JSON.parse(
  readFileSync(join(here, "package.json"), "utf8"),
);
const manifest = {
  ...{ name, version, description, license, type: "module", sideEffects: false },
  exports: { ".": { types: "./index.d.ts", default: "./index.js" } },
  engines: { node: ">=20.20" },
};
writeFileSync(join(folder, "package.json"), `${JSON.stringify(manifest, null, 2)}\n`);
copyFileSync(join(here, "README.md"), join(folder, "README.md"));
copyFileSync(join(here, "../../LICENSE"), join(folder, "LICENSE"));

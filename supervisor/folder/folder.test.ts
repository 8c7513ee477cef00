import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { Fault } from "@tandem/libs/kernel";
import { createLog } from "@tandem/libs/telemetry";
import { realWorld } from "@tandem/libs/world";
import { openDataDirectory } from "./data-directory.ts";
import { type Notes, readNotes, writeNotes } from "./notes.ts";
import { ownIdentity, takeOwnership } from "./owner.ts";
import { findPredecessor, seeOff } from "./predecessor.ts";
import { identityOf, isAlive } from "./process-identity.ts";
import { isOwnFolder, makeRunDirectory } from "./run-directory.ts";

const folder = mkdtempSync(join(tmpdir(), "tandem-folder-"));
after(() => rmSync(folder, { recursive: true }));
const world = realWorld();
const log = createLog({ level: "error", fields: {}, write: () => {} });

describe("openDataDirectory", () => {
  test("makes a folder that version control ignores and that keeps secrets to its owner", () => {
    const directory = openDataDirectory(join(folder, "deep", "data"));
    assert.equal(readFileSync(join(directory.path, ".gitignore"), "utf8"), "*\n");
    assert.equal(statSync(directory.logs).mode & 0o777, 0o700);
    assert.equal(statSync(directory.replicaFolder("ai-1")).mode & 0o777, 0o700);
  });

  test("says which folder cannot be written and what to do", () => {
    assert.throws(
      () => openDataDirectory("/dev/null/nowhere"),
      (error) => {
        assert.ok(Fault.is(error));
        assert.equal(error.reason, "supervisor.folder_unwritable");
        assert.match(error.publicMessage, /\/dev\/null\/nowhere.*--data DIR/s);
        return true;
      },
    );
  });
});

describe("takeOwnership", () => {
  test("a data directory has one owner, by whatever path it is reached, until it lets go", async () => {
    const directory = openDataDirectory(join(folder, "owned"));
    const ownership = await takeOwnership(directory);
    const owner = { process: ownIdentity(), runDirectory: "/x", control: "/x/c", port: 4600 };
    ownership.announce(owner);
    const again = openDataDirectory(join(folder, "deep", "..", "owned"));
    await assert.rejects(takeOwnership(again), /pid \d+, port 4600.*--data DIR/s);
    ownership.release();
    (await takeOwnership(again)).release();
  });
});

function notesOf(
  processes: readonly { readonly pid: number; readonly startTicks: string }[],
): Notes {
  return {
    version: 2,
    runDirectory: "/tmp/tandem-abcdef",
    door: { host: "127.0.0.1", port: 4600 },
    topologyHash: "hash",
    processes: processes.map((identity, index) => ({
      ...identity,
      spec: { name: `auth-${index + 1}`, hosts: [`auth/${index + 1}`], level: 0 },
      sourceFolder: "/tandem",
      isMember: true,
    })),
    stores: [],
    folders: [],
  };
}

describe("what a killed supervisor left", () => {
  test("is ended when it is not wanted, and nobody else is", async () => {
    const { processesFile } = openDataDirectory(join(folder, "orphans"));
    const orphan = spawn("sleep", ["60"], { stdio: "ignore" });
    const bystander = spawn("sleep", ["60"], { stdio: "ignore" });
    try {
      const identity = identityOf(orphan.pid ?? 0);
      assert.ok(identity !== undefined);
      const renumbered = { pid: bystander.pid ?? 0, startTicks: "1" };
      writeNotes(processesFile, notesOf([identity, renumbered]));
      await seeOff(findPredecessor(processesFile)?.processes ?? [], { world, log });
      assert.equal(isAlive(identity), false);
      assert.notEqual(identityOf(bystander.pid ?? 0), undefined);
      assert.equal(findPredecessor(processesFile), undefined);
    } finally {
      orphan.kill("SIGKILL");
      bystander.kill("SIGKILL");
    }
  });

  test("counts for nothing when its notes are damaged or of another version", () => {
    const { processesFile } = openDataDirectory(join(folder, "damaged"));
    for (const text of ["", "{", "[]", JSON.stringify({ ...notesOf([]), version: 1 })]) {
      writeFileSync(processesFile, text);
      assert.equal(readNotes(processesFile), undefined);
    }
  });
});

describe("makeRunDirectory", () => {
  test("is private, short, and gone after removal", () => {
    const run = makeRunDirectory(folder);
    assert.equal(statSync(run.sockets).mode & 0o777, 0o700);
    assert.ok(`${run.sockets}/monitoring-99.sock`.length < 100);
    assert.ok(isOwnFolder(run.path) && isOwnFolder(run.stores));
    run.remove();
    assert.equal(existsSync(run.path), false);
  });

  test("the stores of a data directory keep their place from run to run", () => {
    const first = makeRunDirectory(folder);
    const second = makeRunDirectory(folder);
    assert.equal(first.stores, second.stores);
    assert.notEqual(first.sockets, second.sockets);
    assert.notEqual(makeRunDirectory(tmpdir()).stores, first.stores);
    first.remove();
    second.remove();
    makeRunDirectory(tmpdir()).remove();
    assert.equal(existsSync(first.stores), false);
  });

  test("nothing but a run directory is ever taken for one", () => {
    for (const path of ["/", "/tmp", "/tmp/tandem-../etc", "tandem-abcdef", undefined, 3]) {
      assert.equal(isOwnFolder(path), false);
    }
  });
});

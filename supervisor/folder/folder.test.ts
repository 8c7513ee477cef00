import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { Fault } from "@tandem/libs/kernel";
import { createLog } from "@tandem/libs/telemetry";
import { realWorld } from "@tandem/libs/world";
import { openDataDirectory } from "./data-directory.ts";
import { ownIdentity, takeOwnership } from "./owner.ts";
import { isRunDirectory, noteProcesses, seeOffPredecessor } from "./predecessor.ts";
import { identityOf, isAlive } from "./process-identity.ts";
import { makeRunDirectory } from "./run-directory.ts";

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

describe("seeOffPredecessor", () => {
  test("ends what a killed supervisor left behind, and nobody else", async () => {
    const directory = openDataDirectory(join(folder, "orphans"));
    const orphan = spawn("sleep", ["60"], { stdio: "ignore" });
    const bystander = spawn("sleep", ["60"], { stdio: "ignore" });
    try {
      const identity = identityOf(orphan.pid ?? 0);
      assert.ok(identity !== undefined);
      const renumbered = { name: "renumbered", pid: bystander.pid ?? 0, startTicks: "1" };
      noteProcesses(directory, [{ name: "auth", ...identity }, renumbered]);
      await seeOffPredecessor(directory, { world, log });
      assert.equal(isAlive(identity), false);
      assert.notEqual(identityOf(bystander.pid ?? 0), undefined);
    } finally {
      orphan.kill("SIGKILL");
      bystander.kill("SIGKILL");
    }
  });
});

describe("makeRunDirectory", () => {
  test("is private, short, and gone after removal", () => {
    const run = makeRunDirectory(folder);
    assert.equal(statSync(run.sockets).mode & 0o777, 0o700);
    assert.ok(`${run.sockets}/monitoring-99.sock`.length < 100);
    assert.ok(isRunDirectory(run.path));
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
      assert.equal(isRunDirectory(path), false);
    }
  });
});

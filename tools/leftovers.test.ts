import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { test } from "node:test";
import { endMarked, findMarked, markName } from "./leftovers.ts";

test("finds and ends what carries the mark, orphans too, and nobody else", {
  skip: process.platform !== "linux" && "no /proc here (no end date: a property of the system)",
}, async () => {
  const mark = `leftovers-${process.pid}`;
  const start = (value: string) =>
    spawn("/bin/sh", ["-c", "sleep 600 & echo started; wait"], {
      stdio: ["ignore", "pipe", "ignore"],
      env: { ...process.env, [markName]: value },
    });
  const ours = start(mark);
  const others = start(`${mark}-other`);
  await Promise.all([once(ours.stdout, "data"), once(others.stdout, "data")]);
  assert.ok(findMarked(mark).some(({ parentPid }) => parentPid === process.pid));
  ours.kill("SIGKILL");
  await once(ours, "exit");
  const [orphan, ...rest] = endMarked(mark);
  assert.match(String(orphan?.command), /^sleep 600/);
  assert.deepEqual(rest, []);
  await once(ours.stdout, "close");
  assert.deepEqual(findMarked(mark), []);
  assert.equal(others.exitCode, null, "another file's process lives on");
  assert.equal(endMarked(`${mark}-other`).length, 2);
});

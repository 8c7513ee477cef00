import assert from "node:assert/strict";
import { test } from "node:test";
import { Turns } from "./turns.ts";

test("callers of one key go one at a time, in order; others do not wait", async () => {
  const turns = new Turns();
  const steps: string[] = [];
  let release = (): void => {};
  const first = turns.take("a", async () => {
    await new Promise<void>((resolve) => {
      release = resolve;
    });
    steps.push("a1");
  });
  const second = turns.take("a", async () => void steps.push("a2"));
  const third = turns.take("a", async () => void steps.push("a3"));
  await turns.take("b", async () => void steps.push("b"));
  release();
  await Promise.all([first, second, third]);
  assert.deepEqual(steps, ["b", "a1", "a2", "a3"]);
});

test("a turn that fails passes on", async () => {
  const turns = new Turns();
  await assert.rejects(
    turns.take("a", () => Promise.reject(new Error("no"))),
    /no/,
  );
  assert.equal(await turns.take("a", async () => 7), 7);
});

test("a queue that is too long refuses instead of growing", async () => {
  const turns = new Turns();
  let release = (): void => {};
  const gate = new Promise<void>((resolve) => {
    release = resolve;
  });
  const waiting = Array.from({ length: 512 }, () => turns.take("a", () => gate));
  await assert.rejects(
    turns.take("a", async () => {}),
    { reason: "store.overloaded" },
  );
  release();
  await Promise.all(waiting);
});

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { createLog, type Log } from "../telemetry/index.ts";
import { realWorld } from "../world/index.ts";
import { createLifecycle } from "./index.ts";

function siteOf(lines: string[] = []): {
  world: ReturnType<typeof realWorld>;
  log: Log;
} {
  const log = createLog({ level: "info", fields: {}, write: (line) => lines.push(line) });
  return { world: realWorld(), log };
}

const address = "unix:/nowhere.sock";

describe("createLifecycle", () => {
  test("closes in reverse order of opening, tasks in their turn", async () => {
    const order: string[] = [];
    const lifecycle = createLifecycle(siteOf());
    lifecycle.defer("store", () => void order.push("store"));
    lifecycle.go("feed", async (signal) => {
      await new Promise((resolve) => signal.addEventListener("abort", resolve));
      order.push("feed");
    });
    lifecycle.defer("server", () => void order.push("server"));
    await lifecycle.replica(address).close({ deadlineMs: 1000 });
    assert.deepEqual(order, ["server", "feed", "store"]);
  });

  test("a part that hangs or fails does not keep the others open", async () => {
    const lines: string[] = [];
    let isFlushed = false;
    const lifecycle = createLifecycle(siteOf(lines));
    lifecycle.defer("journal", () => {
      isFlushed = true;
    });
    lifecycle.defer("broken", () => Promise.reject(new Error("no")));
    lifecycle.defer("hanging", () => new Promise(() => {}), { deadlineMs: 5 });
    await lifecycle.replica(address).close({ deadlineMs: 1000 });
    assert.ok(isFlushed);
    assert.match(lines.join(""), /"part":"hanging".*service\.close_overdue/);
    assert.match(lines.join(""), /"part":"broken"/);
  });

  test("every part is told how long it has, and never less than a floor", async () => {
    const given: number[] = [];
    const lifecycle = createLifecycle(siteOf());
    lifecycle.defer("first", ({ deadlineMs }) => void given.push(deadlineMs));
    lifecycle.defer("second", ({ deadlineMs }) => void given.push(deadlineMs), { deadlineMs: 30 });
    await lifecycle.replica(address).close({ deadlineMs: 0 });
    assert.deepEqual(given, [30, 250]);
  });

  test("a replica that is closed once more hurries what it is patient with", async () => {
    let hurried = 0;
    let end = (): void => undefined;
    const patient = new Promise<void>((resolve) => {
      end = resolve;
    });
    const lifecycle = createLifecycle(siteOf());
    const hurry = (): void => {
      hurried += 1;
      end();
    };
    lifecycle.defer("store", () => undefined, { hurry: () => assert.fail("not its turn") });
    lifecycle.defer("doors", () => patient, { hurry });
    const replica = lifecycle.replica(address);
    const closed = replica.close({ deadlineMs: 1000 });
    assert.equal(hurried, 0);
    await Promise.all([closed, replica.close({ deadlineMs: 1000 })]);
    assert.equal(hurried, 1);
  });

  test("is unready while a check fails, and for good once it drains", () => {
    let isSynced = false;
    const lifecycle = createLifecycle(siteOf());
    lifecycle.check("synced", () => isSynced);
    const replica = lifecycle.replica(address);
    assert.deepEqual(replica.unreadyChecks(), ["synced"]);
    isSynced = true;
    assert.deepEqual(replica.unreadyChecks(), []);
    let drains = 0;
    lifecycle.onDrain(() => {
      drains += 1;
    });
    replica.drain();
    replica.drain();
    assert.equal(drains, 1);
    assert.ok(lifecycle.isDraining);
    assert.deepEqual(replica.unreadyChecks(), ["draining"]);
  });

  test("closing twice closes once, and both callers wait for it", async () => {
    let closes = 0;
    const lifecycle = createLifecycle(siteOf());
    lifecycle.defer("server", async () => {
      closes += 1;
    });
    const replica = lifecycle.replica(address);
    const both = [replica.close({ deadlineMs: 100 }), replica.close({ deadlineMs: 100 })];
    await Promise.all(both);
    assert.equal(closes, 1);
    assert.deepEqual(replica.unreadyChecks(), ["closed"]);
  });

  test("a task that fails makes the replica unready and ends the process", async () => {
    const error = new Error("feed broke");
    const crashed = new Promise((resolve) => {
      const lifecycle = createLifecycle(siteOf(), { crash: resolve });
      lifecycle.go("feed", () => Promise.reject(error));
      const replica = lifecycle.replica(address);
      setImmediate(() => assert.deepEqual(replica.unreadyChecks(), ["task feed"]));
    });
    assert.equal(await crashed, error);
  });
});

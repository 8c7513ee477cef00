import assert from "node:assert/strict";
import { test } from "node:test";
import { seededWorld } from "@tandem/libs/testing";
import fc from "fast-check";
import { lookAround, type SilenceWatch, watchFrom } from "../core/silence.ts";
import type { LaunchedProcess } from "./launch.ts";
import { ManagedProcess, type ProcessEvent } from "./managed-process.ts";
import type { Order, ProcessMessage } from "./messages.ts";

const silenceLimitMs = 10_000;
const longestRestartMs = 5_000;
const beat = { kind: "beat", residentBytes: 1, cpuMs: 1, loopLagMs: 0 } as const;

/** A process that does what the test says, and dies a moment after it is killed. */
class Puppet implements LaunchedProcess {
  // No such process: the kernel knows of no time that it waited for a processor.
  readonly identity = { pid: 2 ** 22 + 1, startTicks: "" };
  readonly orders: Order[] = [];
  isAlive = true;
  isKilled = false;
  hasLoaded = false;
  #message: (message: ProcessMessage) => void = () => undefined;
  #exit: (how: string) => void = () => undefined;

  order(order: Order): void {
    this.orders.push(order);
  }
  kill(): void {
    this.isKilled = true;
  }
  onMessage(run: (message: ProcessMessage) => void): void {
    this.#message = run;
  }
  onExit(run: (how: string) => void): void {
    this.#exit = run;
  }
  say(message: ProcessMessage): void {
    if (message.kind === "loaded") this.hasLoaded = true;
    if (this.isAlive) this.#message(message);
  }
  die(how: string): void {
    if (!this.isAlive) return;
    this.isAlive = false;
    this.#exit(how);
  }
}

function stage() {
  const { world, elapse } = seededWorld();
  const lives: Puppet[] = [];
  const events: ProcessEvent[] = [];
  const process = new ManagedProcess({
    spec: { name: "auth-1", hosts: ["auth/1"], level: 0 },
    sourceFolder: "/release",
    world,
    silenceLimitMs,
    onEvent: (event) => events.push(event),
    launch: () => {
      const owners = lives.filter(({ isAlive }) => isAlive).length;
      assert.equal(owners, 0, "a second owner of the same replicas was started");
      const puppet = new Puppet();
      lives.push(puppet);
      return puppet;
    },
  });
  let watch: SilenceWatch = watchFrom(world.clock.monotonicMs());
  return {
    ...{ world, lives, events, process },
    last: () => lives.at(-1),
    /** Time as the fleet lets it pass: two looks a second; who was killed dies. */
    pass(ms: number): void {
      for (let passed = 0; passed < ms; passed += 500) {
        elapse(500);
        watch = lookAround(watch, world.clock.monotonicMs());
        process.look(watch);
        const puppet = lives.at(-1);
        if (puppet?.isKilled) puppet.die("SIGKILL");
      }
    },
  };
}

const stepArbitrary = fc.oneof(
  ...["load", "open", "stop", "abandon", "die", "refuse", "loaded", "started", "ready"].map(
    (kind) => fc.constant({ kind, ms: 0 }),
  ),
  fc.constantFrom("beat-well", "beat-unwell").map((kind) => ({ kind, ms: 0 })),
  fc.integer({ min: 1, max: 40 }).map((halves) => ({ kind: "pass", ms: halves * 500 })),
);

function perform(given: ReturnType<typeof stage>, { kind, ms }: { kind: string; ms: number }) {
  const { process, last } = given;
  const sayings: Readonly<Record<string, ProcessMessage>> = {
    loaded: { kind: "loaded" },
    started: { kind: "started" },
    ready: { kind: "ready" },
    refuse: { kind: "refused", reason: "x.y", message: "no", isFinal: false },
    "beat-well": { ...beat, unready: [] },
    "beat-unwell": { ...beat, unready: ["auth-1 database"] },
  };
  const saying = sayings[kind];
  if (saying !== undefined) last()?.say(saying);
  else if (kind === "load") process.load();
  else if (kind === "open") process.open();
  else if (kind === "abandon") process.abandon();
  else if (kind === "die") last()?.die("SIGSEGV");
  else if (kind === "pass") given.pass(ms);
}

test("whatever happens in whatever order: one owner, no open before its code, deaths are counted", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(stepArbitrary, { maxLength: 60 }), async (steps) => {
      const given = stage();
      const { process, lives, events, last } = given;
      let asked = 0;
      let ended = 0;
      const stop = (): void => {
        asked += 1;
        void process.stop({ noticeMs: 500, deadlineMs: 5_000 }).then(() => {
          ended += 1;
        });
      };
      for (const step of steps) {
        if (step.kind === "stop") stop();
        else perform(given, step);
        const opened = lives.filter(({ orders }) => orders.some(({ kind }) => kind === "open"));
        assert.ok(opened.every(({ hasLoaded }) => hasLoaded));
        const isThere = last()?.isAlive === true;
        if (process.state === "stopped" || process.state === "waiting") assert.ok(!isThere);
        else assert.ok(isThere, `${process.state} without a process`);
        const died = events.filter(({ kind }) => kind === "died").length;
        assert.equal(process.deaths, died);
      }
      // Who is told to end ends within its time, by force if need be, and stays ended.
      stop();
      given.pass(20_000);
      await new Promise((resolve) => setImmediate(resolve));
      assert.equal(ended, asked);
      const count = lives.length;
      given.pass(60_000);
      assert.deepEqual([process.state, lives.length], ["stopped", count]);
    }),
    { numRuns: 200 },
  );
});

test("a process that dies is there again within five seconds, however often it has died", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 80 }), { maxLength: 25 }), (livedHalves) => {
      const given = stage();
      given.process.load();
      for (const halves of livedHalves) {
        for (let half = 0; half < halves; half += 1) {
          given.last()?.say({ ...beat, unready: [] });
          given.pass(500);
        }
        const before = given.lives.length;
        given.last()?.die("SIGSEGV");
        given.pass(longestRestartMs + 500);
        assert.equal(given.lives.length, before + 1);
      }
      const delays = given.events.flatMap((event) =>
        event.kind === "died" ? [event.restartInMs] : [],
      );
      assert.ok(delays.every((delayMs) => delayMs <= longestRestartMs));
    }),
    { numRuns: 20 },
  );
});

test("one that falls silent is replaced once, within its limit and a look", () => {
  const given = stage();
  given.process.load();
  given.process.open();
  for (const kind of ["loaded", "started", "ready"] as const) given.last()?.say({ kind });
  given.pass(silenceLimitMs - 500);
  assert.deepEqual([given.process.state, given.lives.length], ["ready", 1]);
  given.pass(1_500);
  assert.equal(given.lives.length, 2);
  assert.deepEqual(given.events.filter(({ kind }) => kind === "silent").length, 1);
});

test("of several who want it to end the most impatient one decides when it is killed", () => {
  const given = stage();
  given.process.load();
  given.process.open();
  for (const kind of ["loaded", "started", "ready"] as const) given.last()?.say({ kind });
  void given.process.stop({ noticeMs: 3_000, deadlineMs: 600_000 });
  given.pass(2_000);
  void given.process.stop({ noticeMs: 0, deadlineMs: 1_000 });
  void given.process.stop({ noticeMs: 3_000, deadlineMs: 600_000 });
  given.pass(3_500);
  assert.equal(given.process.state, "draining");
  given.pass(1_000);
  assert.equal(given.process.state, "stopped");
});

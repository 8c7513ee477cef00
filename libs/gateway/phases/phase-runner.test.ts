import assert from "node:assert/strict";
import { test } from "node:test";
import { defineFaults, type Fault } from "../../kernel/index.ts";
import {
  createPhaseRunner,
  type Phase,
  type PhasedCall,
  type PhaseResult,
} from "./phase-runner.ts";

const faults = defineFaults("test", {
  refused: {
    code: "permission_denied",
    blame: "client",
    retry: "never",
    publicMessage: "No.",
  },
});

interface Call extends PhasedCall {
  readonly ran: string[];
}

function phase(name: string, act: () => PhaseResult | Promise<PhaseResult>, always = false) {
  const made: Phase<Call> = {
    name,
    throws: [],
    isRepeatable: true,
    always,
    run: (call) => {
      call.ran.push(name);
      return act();
    },
  };
  return made;
}

async function runAll(phases: readonly Phase<Call>[]): Promise<Call> {
  let nowMs = 100;
  const clock = { nowMs: () => 0, monotonicMs: () => (nowMs += 2) };
  const runner = createPhaseRunner(phases, { clock });
  const fault: Fault | undefined = undefined;
  const call: Call = { trace: runner.startTrace(), fault, ran: [] };
  await runner.run(call);
  return call;
}

test("phases run in order, whether they answer at once or later, and each one's time is kept", async () => {
  const call = await runAll([
    phase("first", () => "done"),
    phase("second", () => Promise.resolve("skipped")),
    phase("third", () => "done"),
  ]);
  assert.deepEqual(call.ran, ["first", "second", "third"]);
  assert.deepEqual(
    call.trace.records().map(({ name, startMs, durationMs, outcome }) => ({
      name,
      startMs,
      durationMs,
      outcome,
    })),
    [
      { name: "first", startMs: 0, durationMs: 2, outcome: "ok" },
      { name: "second", startMs: 2, durationMs: 2, outcome: "skipped" },
      { name: "third", startMs: 4, durationMs: 2, outcome: "ok" },
    ],
  );
});

test("a fault passes the others over but not those that close the request, and the first counts", async () => {
  const call = await runAll([
    phase("first", () => "done"),
    phase("second", () => Promise.reject(faults.refused())),
    phase("third", () => "done"),
    phase(
      "record",
      () => {
        throw new Error("later trouble");
      },
      true,
    ),
    phase("answer", () => "done", true),
  ]);
  assert.deepEqual(call.ran, ["first", "second", "record", "answer"]);
  assert.equal(call.fault?.reason, "test.refused");
  assert.deepEqual(
    call.trace.records().map(({ outcome }) => outcome),
    ["ok", "failed", "skipped", "failed", "ok"],
  );
});

test("an answer that is known early leaves only the phases that always run", async () => {
  const call = await runAll([
    phase("look_up_cache", () => "answered"),
    phase("generate", () => "done"),
    phase("answer", () => "done", true),
  ]);
  assert.deepEqual(call.ran, ["look_up_cache", "answer"]);
  assert.equal(call.fault, undefined);
});

test("what is no fault becomes one, and its text stays out of the user's sight", async () => {
  const call = await runAll([
    phase("first", () => {
      throw new TypeError("secret detail");
    }),
  ]);
  assert.equal(call.fault?.reason, "platform.bug");
  assert.ok(!call.fault.publicMessage.includes("secret"));
});

test("a note belongs to the phase that wrote it", async () => {
  const runner = createPhaseRunner<Call>(
    [
      {
        name: "select_model",
        throws: [],
        isRepeatable: true,
        run: (call) => {
          call.trace.note("by rule 3");
          return "done";
        },
      },
    ],
    { clock: { nowMs: () => 0, monotonicMs: () => 0 } },
  );
  const call: Call = { trace: runner.startTrace(), fault: undefined, ran: [] };
  await runner.run(call);
  assert.equal(call.trace.records()[0]?.note, "by rule 3");
});

/**
 * A crash at every step of a request's life, each by itself and none left out: reserve → call →
 * journal → settle → outbox → publish. A step is all that a process does between two moments at
 * which another one could see it, so there is no moment in between.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type CrashOptions, runCrash } from "./crash-points.ts";

/** Of two replicas the one that carries the request; the other one's steps are its own business. */
const doors = ["router", "ai"];
const everybody = [...doors, "quota", "analytics"];

async function crashEverywhere(options: CrashOptions, kinds: readonly string[]): Promise<number> {
  const { steps, carriers } = await runCrash(options, undefined);
  let points = 0;
  for (const kind of kinds) {
    const victim = carriers.get(kind) ?? "";
    const span = steps.get(victim);
    assert.ok(span, `${kind} takes no step`);
    for (let step = span.first; step <= span.last; step += 1) {
      const { problems } = await runCrash(options, { victim, step });
      assert.deepEqual(problems, [], `${victim} killed after its step ${step - span.first + 1}`);
      points += 1;
    }
  }
  return points;
}

test("a whole answer survives the death of any process after any of its steps", async (context) => {
  const options = { isStream: false, seed: 5, losesPower: false };
  const points = await crashEverywhere(options, everybody);
  context.diagnostic(`${points} points`);
  assert.ok(points > 60, `${points} points`);
});

test("a stream survives the death of what carries it after any of its steps", async (context) => {
  const options = { isStream: true, seed: 5, losesPower: false };
  const points = await crashEverywhere(options, doors);
  context.diagnostic(`${points} points`);
  assert.ok(points > 60, `${points} points`);
});

test("a whole answer survives a gateway's loss of power after any of its steps", async (context) => {
  const options = { isStream: false, seed: 6, losesPower: true };
  const points = await crashEverywhere(options, ["ai"]);
  context.diagnostic(`${points} points`);
  assert.ok(points > 40, `${points} points`);
});

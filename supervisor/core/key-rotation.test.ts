import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  acceptPatienceMs,
  afterStep,
  beginRotation,
  nextStep,
  type SigningKeys,
} from "./key-rotation.ts";

const atRest: SigningKeys<string> = { passportKeys: { ai: "ai old", auth: "auth old" } };
const otherKeys = { ai: "ai new", auth: "auth new" };
const accepting = beginRotation(atRest, { otherKeys, overlapMs: 1000 });
const signing = afterStep(accepting, "sign");

/** Whether who signs by one state is understood by who accepts by another. */
function isUnderstood(signer: SigningKeys<string>, verifier: SigningKeys<string>): boolean {
  const key = signer.passportKeys["ai"];
  return [verifier.passportKeys["ai"], verifier.rotation?.otherKeys["ai"]].includes(key);
}

describe("rotation of signing keys", () => {
  test("goes from the old keys over both to the new ones alone", () => {
    assert.equal(nextStep(accepting.rotation, { heldMs: 0, toldMs: 5 }), "sign");
    assert.deepEqual(signing.passportKeys, otherKeys);
    assert.deepEqual(signing.rotation?.otherKeys, atRest.passportKeys);
    assert.equal(nextStep(signing.rotation, { heldMs: 1000, toldMs: 1005 }), "retire");
    const ended = afterStep(signing, "retire");
    assert.deepEqual(ended, { passportKeys: otherKeys, rotation: undefined });
    assert.equal(nextStep(ended.rotation, { heldMs: 0, toldMs: 5 }), "end");
  });

  test("neighbouring states understand each other both ways; the first and the last do not", () => {
    const states = [atRest, accepting, signing, afterStep(signing, "retire")];
    for (const [at, state] of states.entries()) {
      const next = states[at + 1];
      if (next === undefined) continue;
      assert.ok(isUnderstood(state, next) || state === signing, `${at} by ${at + 1}`);
      assert.ok(isUnderstood(next, state), `${at + 1} by ${at}`);
    }
    assert.ok(!isUnderstood(atRest, afterStep(signing, "retire")));
  });

  test("nothing is signed with what one process does not hold, and the way back loses nothing", () => {
    const missing = { heldMs: undefined, toldMs: acceptPatienceMs - 1 };
    assert.equal(nextStep(accepting.rotation, missing), "wait");
    const late = { heldMs: undefined, toldMs: acceptPatienceMs };
    assert.equal(nextStep(accepting.rotation, late), "take-back");
    assert.deepEqual(afterStep(accepting, "take-back").passportKeys, atRest.passportKeys);
    assert.equal(afterStep(accepting, "take-back").rotation, undefined);
  });

  test("the old keys are accepted for the whole overlap after the last process has changed", () => {
    const never = { heldMs: undefined, toldMs: 1e9 };
    assert.equal(nextStep(signing.rotation, never), "wait", "no way back from here");
    assert.equal(nextStep(signing.rotation, { heldMs: 999, toldMs: 1e9 }), "wait");
    assert.equal(nextStep(undefined, never), "wait", "not over before all have let go");
  });

  test("a deployable that came in the middle keeps its own keys", () => {
    const grown = { ...accepting, passportKeys: { ...accepting.passportKeys, chat: "chat 1" } };
    assert.deepEqual(afterStep(grown, "sign").passportKeys, { ...otherKeys, chat: "chat 1" });
  });
});

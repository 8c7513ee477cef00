import assert from "node:assert/strict";
import { test } from "node:test";
import { seededWorld } from "@tandem/libs/testing";
import { type ChangeNews, changesPollMs, followChanges } from "./follow-changes.ts";

const nothing = { organisationIds: [], reset: false };

/** Plays these answers one after the other, then none any more; says what was asked and told. */
async function play(answers: readonly (ChangeNews | Error)[]) {
  const { world, advance } = seededWorld();
  const asked: [bigint, number][] = [];
  const told: (readonly string[] | undefined)[] = [];
  const end = new AbortController();
  const following = followChanges({
    world,
    signal: end.signal,
    onChange: (organisationIds) => told.push(organisationIds),
    watch: async (afterSequence, waitMs) => {
      asked.push([afterSequence, waitMs]);
      const answer = answers[asked.length - 1];
      if (answer instanceof Error) throw answer;
      return answer ?? new Promise<never>(() => undefined);
    },
  });
  for (let passed = 0; passed < 50; passed += 1) await advance(100);
  end.abort();
  await following;
  return { asked, told };
}

test("the first answer is everybody, since it leaves out what changed before; then news only", async () => {
  const { asked, told } = await play([
    { sequence: 7n, ...nothing, organisationIds: ["org_old"] },
    { sequence: 8n, ...nothing, organisationIds: ["org_1"] },
  ]);
  assert.deepEqual(told, [undefined, ["org_1"]]);
  assert.deepEqual(asked, [
    [0n, 0],
    [7n, changesPollMs],
    [8n, changesPollMs],
  ]);
});

test("the very first change of a feed is news: a feed at 0 was asked, too", async () => {
  const { asked, told } = await play([
    { sequence: 0n, ...nothing },
    { sequence: 1n, ...nothing, organisationIds: ["org_1"] },
  ]);
  assert.deepEqual(told, [undefined, ["org_1"]]);
  assert.deepEqual(asked[1], [0n, changesPollMs], "waits for it, does not ask over and over");
});

test("too much to say, or a database that was set back, is everybody", async () => {
  const { told } = await play([
    { sequence: 7n, ...nothing },
    { sequence: 9_000n, ...nothing, reset: true },
    { sequence: 3n, ...nothing },
  ]);
  assert.deepEqual(told, [undefined, undefined, undefined]);
});

test("an answer that does not come is asked for again from the same place", async () => {
  const { asked, told } = await play([
    { sequence: 7n, ...nothing },
    new Error("gone"),
    { sequence: 8n, ...nothing, organisationIds: ["org_1"] },
  ]);
  assert.deepEqual(told, [undefined, ["org_1"]]);
  assert.deepEqual(asked[2], [7n, changesPollMs]);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { PeakEwma, ReplicaHealth } from "@tandem/libs/resilience";
import { PrefixMemory, prefixChain } from "./prefix-affinity.ts";
import { type ChoiceContext, chooseTarget, type TargetCandidate } from "./target-choice.ts";

interface Target extends TargetCandidate {
  readonly name: string;
}

function target(name: string, part: Partial<TargetCandidate> = {}): Target {
  return {
    name,
    order: 1,
    weight: 1,
    isStandby: false,
    isFull: false,
    kvCacheRatio: 0,
    memory: new PrefixMemory(),
    load: new PeakEwma(),
    health: new ReplicaHealth(),
    ...part,
  };
}

function fractions(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

function context(part: Partial<ChoiceContext<Target>> = {}): ChoiceContext<Target> {
  return {
    nowMs: 0,
    fraction: fractions(1),
    tried: new Set(),
    prefersStandby: false,
    chain: () => [],
    ...part,
  };
}

test("targets of a higher order wait until those of the lower one are tried or out", () => {
  const [first, second] = [target("first"), target("second", { order: 2 })];
  assert.equal(chooseTarget([second, first], context()), first);
  assert.equal(chooseTarget([second, first], context({ tried: new Set([first]) })), second);
  first.health.callRefused(0);
  assert.equal(chooseTarget([second, first], context({ nowMs: 1 })), second);
});

test("a standby comes after every primary, whatever its order", () => {
  const [primary, standby] = [target("p", { order: 9 }), target("s", { isStandby: true })];
  assert.equal(chooseTarget([standby, primary], context()), primary);
  assert.equal(chooseTarget([primary, standby], context({ prefersStandby: true })), standby);
});

test("when all are out all are asked, and when all were tried nobody is", () => {
  const both = [target("a"), target("b")];
  for (const { health } of both) health.callRefused(0);
  assert.ok(chooseTarget(both, context({ nowMs: 1 })) !== undefined);
  assert.equal(chooseTarget(both, context({ tried: new Set(both) })), undefined);
  assert.equal(chooseTarget([], context()), undefined);
});

test("a target without a free place is passed over while another has one", () => {
  const [full, free] = [target("full", { isFull: true }), target("free", { order: 3 })];
  assert.equal(chooseTarget([full, free], context()), free);
  assert.equal(chooseTarget([full], context()), full);
});

test("shares follow the weights where they differ", () => {
  const pool = [target("three", { weight: 3 }), target("one", { weight: 1 })];
  const given = context();
  let three = 0;
  for (let round = 0; round < 4_000; round += 1) {
    if (chooseTarget(pool, given)?.name === "three") three += 1;
  }
  assert.ok(Math.abs(three / 4_000 - 0.75) < 0.03, `${three}`);
});

test("a conversation goes back to who has read its beginning, unless that one is overloaded", () => {
  const prompt = Buffer.from("the same long beginning ".repeat(200));
  const chain = prefixChain(prompt, "org_1 m");
  const longer = prefixChain(Buffer.concat([prompt, Buffer.from("x".repeat(600))]), "org_1 m");
  const [reader, other] = [target("reader"), target("other")];
  reader.memory.remember(chain);
  let toReader = 0;
  for (let seed = 0; seed < 500; seed += 1) {
    const given = context({ fraction: fractions(seed * 7), chain: () => longer });
    if (chooseTarget([other, reader], given) === reader) toReader += 1;
  }
  assert.ok(toReader > 480, `${toReader}`);
  for (let call = 0; call < 40; call += 1) reader.load.started();
  other.load.observed(5, 0);
  reader.load.observed(5, 0);
  const given = context({ chain: () => longer });
  assert.equal(chooseTarget([other, reader], given), other);
});

test("prompts of two tenants never look alike, and a changed beginning ends the match", () => {
  const text = Buffer.from("a".repeat(4_096));
  assert.notDeepEqual(prefixChain(text, "org_1"), prefixChain(text, "org_2"));
  const memory = new PrefixMemory();
  memory.remember(prefixChain(text, "s"));
  const changed = Buffer.from(text);
  changed[600] = 0x62;
  assert.equal(memory.match(prefixChain(changed, "s")), 1 / 8);
  assert.equal(memory.match(prefixChain(Buffer.from("short"), "s")), 0);
});

test("a memory keeps to its bound and to what was read last", () => {
  const memory = new PrefixMemory();
  for (let value = 0; value < 12_000; value += 1) memory.remember([value]);
  assert.equal(memory.match([1]), 0);
  assert.equal(memory.match([11_999]), 1);
});

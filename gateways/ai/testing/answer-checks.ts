/** Whether an answer that broke is one answer all the same. Throws with what is wrong. Pure. */
import assert from "node:assert/strict";
import { type AssembledAnswer, assembleAnswer } from "../core/stream/assemble-answer.ts";
import { readEvent } from "../core/stream/server-event.ts";
import type { SimulatedAnswer } from "./splice-simulation.ts";

interface Envelope {
  readonly ids: ReadonlySet<string>;
  readonly roles: ReadonlyMap<number, number>;
  readonly finishes: ReadonlyMap<number, number>;
  readonly dones: number;
}

interface AnyChunk {
  readonly id?: string;
  readonly created?: number;
  readonly model?: string;
  readonly system_fingerprint?: string;
  readonly choices?: readonly {
    readonly index: number;
    readonly delta?: { readonly role?: string };
    readonly finish_reason?: string | null;
  }[];
}

/** Ids, times and models as one text each; roles and finishes of each choice; ends. */
function envelopeOf(bytes: Buffer): Envelope {
  const ids = new Set<string>();
  const roles = new Map<number, number>();
  const finishes = new Map<number, number>();
  let dones = 0;
  for (const text of bytes.toString().split("\n\n")) {
    if (text === "") continue;
    const event = readEvent(text);
    assert.equal(dones, 0, "something came after the end");
    assert.notEqual(event.kind, "malformed", text);
    if (event.kind === "done") dones += 1;
    if (event.kind !== "json") continue;
    const { id, created, model, system_fingerprint, choices = [] } = event.value as AnyChunk;
    ids.add(JSON.stringify([id, created, model, system_fingerprint]));
    for (const { index, delta, finish_reason } of choices) {
      if (delta?.role !== undefined) roles.set(index, (roles.get(index) ?? 0) + 1);
      if (typeof finish_reason === "string") finishes.set(index, (finishes.get(index) ?? 0) + 1);
    }
  }
  return { ids, roles, finishes, dones };
}

function spokenOf({ choices }: AssembledAnswer) {
  return choices.map(({ index, content, reasoning, text, toolCalls, finishReason }) => {
    const calls = toolCalls.map(({ id, name, arguments: given }) => ({ id, name, given }));
    return { index, content, reasoning, text, calls, finishReason };
  });
}

/** It is the reference to the byte of its text, under one envelope, with one end, for one price. */
export function checkWhole(answer: SimulatedAnswer, reference: SimulatedAnswer): void {
  assert.equal(answer.ending, "whole");
  assert.deepEqual(
    spokenOf(assembleAnswer(answer.bytes)),
    spokenOf(assembleAnswer(reference.bytes)),
  );
  const envelope = envelopeOf(answer.bytes);
  const wanted = envelopeOf(reference.bytes);
  assert.equal(envelope.ids.size, 1, "more than one envelope");
  assert.deepEqual(sorted(envelope.roles), sorted(wanted.roles));
  assert.deepEqual(sorted(envelope.finishes), sorted(wanted.finishes));
  assert.equal(envelope.dones, 1);
  if (answer.usage === undefined || reference.usage === undefined) return;
  assert.equal(answer.usage.outputTokens, reference.usage.outputTokens, "output tokens");
  // A word that a stop string cuts in two is a token to one server and none to the next.
  const inputError = Math.abs(answer.usage.inputTokens - reference.usage.inputTokens);
  assert.ok(inputError <= 1, `input tokens: ${answer.usage.inputTokens}`);
}

function sorted(counts: ReadonlyMap<number, number>): readonly (readonly [number, number])[] {
  return [...counts].sort(([left], [right]) => left - right);
}

/** What was given is the beginning of the reference, and does not look like all of it. */
export function checkTold(answer: SimulatedAnswer, reference: SimulatedAnswer): void {
  assert.equal(answer.ending, "told");
  const { dones } = envelopeOf(answer.bytes);
  assert.equal(dones, 0);
  const wanted = assembleAnswer(reference.bytes).choices;
  const given = assembleAnswer(answer.bytes).choices;
  for (const choice of given) {
    const other = wanted.find(({ index }) => index === choice.index);
    assert.ok(other);
    assert.ok(other.content.startsWith(choice.content), "content");
    assert.ok(other.reasoning.startsWith(choice.reasoning), "reasoning");
    assert.ok(other.text.startsWith(choice.text), "text");
  }
  assert.ok(given.some(({ finishReason }) => finishReason === ""));
}

import assert from "node:assert/strict";
import { test } from "node:test";
import { Lane } from "./lane.ts";

function join(lane: Lane, turns: string[], name: string) {
  const ticket = lane.join({ onTurn: () => turns.push(name) });
  assert.ok(ticket, `${name} found a place`);
  return ticket;
}

test("one runs at a time, in the order of arrival", () => {
  const lane = new Lane(4);
  const turns: string[] = [];
  const tickets = ["a", "b", "c"].map((name) => join(lane, turns, name));
  for (const ticket of tickets) ticket.ready();
  assert.deepEqual(turns, ["a"]);
  assert.deepEqual(
    tickets.map((ticket) => ticket.place()),
    [0, 1, 2],
  );
  tickets[0]?.leave();
  tickets[1]?.leave();
  assert.deepEqual(turns, ["a", "b", "c"]);
});

test("who waits for a model does not hold up those whose model is there", () => {
  const lane = new Lane(4);
  const turns: string[] = [];
  const early = join(lane, turns, "early");
  const late = join(lane, turns, "late");
  late.ready();
  assert.deepEqual(turns, ["late"]);
  early.ready();
  late.leave();
  assert.deepEqual(turns, ["late", "early"]);
});

test("a full queue refuses, and a place given up is free again", () => {
  const lane = new Lane(1);
  const turns: string[] = [];
  const running = join(lane, turns, "running");
  running.ready();
  const waiting = join(lane, turns, "waiting");
  assert.equal(lane.join({ onTurn: () => undefined }), undefined);
  waiting.leave();
  const next = join(lane, turns, "next");
  next.ready();
  running.leave();
  assert.deepEqual(turns, ["running", "next"]);
});

test("with no queue at all one still runs", () => {
  const lane = new Lane(0);
  const turns: string[] = [];
  join(lane, turns, "only").ready();
  assert.deepEqual(turns, ["only"]);
  assert.equal(lane.join({ onTurn: () => undefined }), undefined);
});

test("leaving twice, or before the turn, gives no second turn away", () => {
  const lane = new Lane(4);
  const turns: string[] = [];
  const [a, b, c] = ["a", "b", "c"].map((name) => join(lane, turns, name));
  for (const ticket of [a, b, c]) ticket?.ready();
  a?.leave();
  a?.leave();
  assert.deepEqual(turns, ["a", "b"]);
  assert.equal(lane.running, 1);
  assert.equal(lane.waiting, 1);
});

test("what matters more goes first, and takes the place of what matters least", () => {
  const lane = new Lane(3);
  const turns: string[] = [];
  const refused: string[] = [];
  const enter = (name: string, priority: number) =>
    lane.join({
      priority,
      onTurn: () => turns.push(name),
      onRefused: () => refused.push(name),
    });
  const running = enter("running", 1);
  running?.ready();
  const waiting = [enter("lowest", 0), enter("first", 1), enter("newest lowest", 0)];
  assert.equal(enter("another lowest", 0), undefined);
  const urgent = enter("urgent", 2);
  assert.deepEqual(refused, ["newest lowest"]);
  const second = enter("second", 1);
  assert.deepEqual(refused, ["newest lowest", "lowest"]);
  assert.equal(enter("third", 1), undefined, "nobody makes room for their like");
  assert.equal(urgent?.place(), 1);
  assert.equal(second?.place(), 3);
  for (const ticket of [...waiting, urgent, second]) ticket?.ready();
  for (const ticket of [running, urgent, waiting[1], second]) ticket?.leave();
  assert.deepEqual(turns, ["running", "urgent", "first", "second"]);
});

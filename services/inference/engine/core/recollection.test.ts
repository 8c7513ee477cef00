import assert from "node:assert/strict";
import { test } from "node:test";
import { Recollection } from "./recollection.ts";

function remembered() {
  const recollection = new Recollection(2);
  const recording = recollection.record("p", { tokens: [], text: "" });
  recording.add(1, "Hel");
  recording.add(2, "");
  recording.add(3, "lo é");
  recording.add(4, "!");
  return recollection;
}

test("a prefix that ends with a token is found with the tokens up to there", () => {
  assert.deepEqual(remembered().find("p", "Hello é"), { tokens: [1, 2, 3], beyond: "" });
});

test("a prefix that ends inside a token is found with the rest of that token", () => {
  assert.deepEqual(remembered().find("p", "Hell"), { tokens: [1, 2, 3], beyond: "o é" });
});

test("another prompt, another text and a longer text are not found", () => {
  const recollection = remembered();
  assert.equal(recollection.find("q", "Hel"), undefined);
  assert.equal(recollection.find("p", "Hex"), undefined);
  assert.equal(recollection.find("p", "Hello é!?"), undefined);
});

test("a continued generation is found from its beginning on", () => {
  const recollection = remembered();
  const recording = recollection.record("p", { tokens: [1, 2, 3], text: "Hello é" });
  recording.add(9, "?");
  assert.deepEqual(recollection.find("p", "Hello é?"), { tokens: [1, 2, 3, 9], beyond: "" });
});

test("the oldest is forgotten, so that memory stays bounded", () => {
  const recollection = remembered();
  recollection.record("x", { tokens: [], text: "" });
  recollection.record("y", { tokens: [], text: "" });
  assert.equal(recollection.find("p", "Hel"), undefined);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { SeamText } from "./seam-text.ts";

function seam(given: Partial<ConstructorParameters<typeof SeamText>[0]> = {}): SeamText {
  return new SeamText({ committed: "", overlap: "", stops: [], ...given });
}

test("what is said again is swallowed while it matches byte for byte, and nothing more", () => {
  const text = seam({ committed: "two riders", overlap: " riders" });
  assert.equal(text.push(" ri"), "");
  assert.ok(text.owesOverlap);
  assert.equal(text.push("ders one"), " one");
  assert.equal(text.push(" riders"), " riders");
});

test("another word in place of the one that was sent is no continuation", () => {
  const text = seam({ committed: "two riders", overlap: " riders" });
  assert.equal(text.push(" rivers run"), "");
  assert.ok(text.isDiverged);
  assert.equal(text.push(" more"), "");
});

test("half a character that was sent is completed, not doubled", () => {
  const [first = "", second = ""] = ["🚲".slice(0, 1), "🚲".slice(1)];
  const text = seam({ committed: `on ${first}`, overlap: first });
  assert.equal(text.push("🚲!"), `${second}!`);
});

test("a stop string that lies across the seam ends the answer at the seam", () => {
  const text = seam({ committed: "go on EN", stops: ["END"] });
  assert.equal(text.push("D and more"), "");
  assert.ok(text.isStopped);
  assert.equal(text.rest(), "");
});

test("the beginning of a stop string is held back until it is known not to be one", () => {
  const text = seam({ committed: "go on", stops: ["END"] });
  assert.equal(text.push(" E"), " ");
  assert.equal(text.push("N"), "");
  assert.equal(text.push("TER"), "ENTER");
  assert.equal(text.push(" EN"), " ");
  assert.equal(text.rest(), "EN");
});

test("a stop string that the client has whole, since its server let it pass, ends nothing", () => {
  const text = seam({ committed: "the END", stops: ["END"] });
  assert.equal(text.push(" goes on"), " goes on");
  assert.ok(!text.isStopped);
});

test("of several stop strings the one that begins first counts", () => {
  const text = seam({ stops: ["cd", "bcde", ""] });
  assert.equal(text.push("a"), "a");
  assert.equal(text.push("bcx"), "bcx");
  assert.equal(text.push("abcd"), "ab");
  assert.ok(text.isStopped);
});

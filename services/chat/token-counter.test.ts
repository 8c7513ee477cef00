import assert from "node:assert/strict";
import { test } from "node:test";
import { createTokenCounter } from "./token-counter.ts";

const counter = createTokenCounter();
const say = (content: unknown): string => JSON.stringify({ role: "user", content });

test("a text is counted by the real vocabulary, its role and images left out", async () => {
  assert.equal(await counter.count(say("Hello world")), 4 + 2);
  assert.ok((await counter.count(say("<|endoftext|>"))) > 4 + 1, "a special token's name is text");
  const picture = { type: "image_url", image_url: { url: "data:".padEnd(5_000, "a") } };
  const parts = [{ type: "text", text: "Hello world" }, picture];
  assert.ok((await counter.count(say(parts))) < 20);
});

test("a long text counts as much as its parts, within a token for each cut", async () => {
  const sentence = "The quick brown fox jumps over the lazy dog. ";
  const one = (await counter.count(say(sentence))) - 4;
  const many = (await counter.count(say(sentence.repeat(4_000)))) - 4;
  assert.ok(Math.abs(many - (one - 1) * 4_000) < 50, `${one} ${many}`);
});

test("no text keeps the process busy: runs without a break, in any script", async () => {
  const runs = [
    " ".repeat(300_000),
    "a".repeat(300_000),
    "这是一个测试".repeat(50_000),
    "😀".repeat(50_000),
  ];
  const before = performance.now();
  let ticks = 0;
  const ticking = setInterval(() => {
    ticks += 1;
  }, 5);
  for (const run of runs) await counter.count(say(run));
  clearInterval(ticking);
  // Uncut, the first alone takes minutes.
  assert.ok(performance.now() - before < 20_000);
  assert.ok(ticks > 5, "nothing else had its turn");
});

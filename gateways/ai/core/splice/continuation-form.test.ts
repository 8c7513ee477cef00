import assert from "node:assert/strict";
import { test } from "node:test";
import { profileNamed } from "../../upstream/profile-registry.ts";
import { canContinue, noContinuation, planPrefix } from "./continuation-form.ts";

const template = profileNamed("vllm").continuation;
const greedy = { isGreedy: true, mayBackUp: true };
const sampled = { isGreedy: false, mayBackUp: true };

test("where each word is certain the last one is left out and said again", () => {
  const plan = planPrefix("two riders, one mach", template, greedy);
  assert.deepEqual(plan, { prefix: "two riders, one", overlap: " mach" });
  assert.deepEqual(planPrefix("two  ", template, greedy), { prefix: "two", overlap: "  " });
  assert.deepEqual(planPrefix("日本語", template, greedy), { prefix: "日本語", overlap: "" });
});

test("a sampled word would be another one, and one that came out otherwise is not tried again", () => {
  assert.deepEqual(planPrefix("one mach", template, sampled), { prefix: "one mach", overlap: "" });
  const again = { isGreedy: true, mayBackUp: false };
  assert.deepEqual(planPrefix("one mach", template, again), { prefix: "one mach", overlap: "" });
});

test("servers that keep their tokens get all of the text", () => {
  const { continuation } = profileNamed("engine");
  assert.deepEqual(planPrefix("one mach ", continuation, greedy), {
    prefix: "one mach ",
    overlap: "",
  });
});

test("trailing blanks are never sent to a server that does not take them", () => {
  const { continuation } = profileNamed("llamacpp");
  for (const given of [greedy, sampled, { isGreedy: false, mayBackUp: false }]) {
    assert.deepEqual(planPrefix("one \n", continuation, given), { prefix: "one", overlap: " \n" });
  }
});

test("a text is cut at a whole character, whoever goes on with it", () => {
  const half = "🚲".slice(0, 1);
  for (const name of ["engine", "vllm", "deepseek"]) {
    const plan = planPrefix(`on ${half}`, profileNamed(name).continuation, sampled);
    assert.deepEqual(plan, { prefix: "on ", overlap: half }, name);
  }
});

test("each profile says what it can go on with", () => {
  const chat = { isChat: true, isBegun: true, isReasoning: false, isJson: false };
  const names = ["engine", "vllm", "sglang", "llamacpp", "deepseek"];
  const others = ["openai", "modelstudio", "ollama", "lmstudio", "generic"];
  const able = (need: object): readonly string[] =>
    [...names, ...others].filter((name) =>
      canContinue(profileNamed(name).continuation, { ...chat, ...need }),
    );
  assert.deepEqual(able({}), names);
  assert.deepEqual(able({ isReasoning: true }), ["deepseek"]);
  assert.deepEqual(able({ isJson: true }), ["engine"]);
  // The text of a completion is its prompt: everybody goes on with that.
  assert.deepEqual(able({ isChat: false }), [...names, ...others]);
  assert.ok(canContinue(noContinuation, { ...chat, isBegun: false }));
});

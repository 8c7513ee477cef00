import assert from "node:assert/strict";
import { test } from "node:test";
import { ArticleRules } from "./article-rules.ts";
import { insertContext, questionOf } from "./insert-context.ts";

const say = (role: string, content: unknown): string => JSON.stringify({ role, content });

test("what the user asks is the last thing said, with the one before where it is short", () => {
  const long = "Is it possible to give an order back that was paid a week ago, and how?";
  assert.equal(questionOf([say("user", "first"), say("assistant", "a"), say("user", long)]), long);
  const short = [
    say("user", "How do refunds work?"),
    say("assistant", "So."),
    say("user", "When?"),
  ];
  assert.equal(questionOf(short), "How do refunds work?\nWhen?");
  const parts = [{ type: "text", text: "What is this?" }, { type: "image_url" }];
  assert.equal(questionOf([say("user", parts)]), "What is this?");
  assert.equal(questionOf([say("system", "x"), say("assistant", "y")]), "");
  assert.equal(questionOf([say("user", `${"x".repeat(3_000)}end`)]).length, 1_500);
  assert.equal(questionOf([say("user", "a\u0000b\ud800")]), "a b\ufffd");
});

test("a context goes to the first place, and other messages stay to the byte", () => {
  const user = '{ "role":"user", "content":"x\\u0041" }';
  assert.deepEqual(insertContext([user], "C"), [say("system", "C"), user]);
  const [first, second] = insertContext([say("system", ""), user], "C");
  assert.deepEqual([JSON.parse(first ?? ""), second], [{ role: "system", content: "\n\nC" }, user]);
});

test("a rule holds for its project and its models", () => {
  const rule = { organisationId: "org_1", projectId: "prj_1", limit: 3, models: ["a-*", "b"] };
  const rules = new ArticleRules([rule]);
  const own = { organisationId: "org_1", projectId: "prj_1" };
  assert.equal(rules.find(own, "a-1"), rule);
  assert.equal(rules.find(own, "b"), rule);
  assert.equal(rules.find(own, "bc"), undefined);
  assert.equal(rules.find({ ...own, projectId: "prj_2" }, "b"), undefined);
  assert.equal(rules.find({ ...own, organisationId: "org_2" }, "b"), undefined);
  const all = new ArticleRules([{ ...rule, models: [] }]);
  assert.ok(all.find(own, "anything"));
  assert.ok(new ArticleRules([]).isEmpty);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type SizedMessage, trimContext, wholeTurns } from "./trim-context.ts";

const message = (role: string, tokens: number): SizedMessage => ({
  json: `${role}:${tokens}`,
  role,
  tokens,
});

const conversation = [
  message("system", 5),
  message("user", 10),
  message("assistant", 10),
  message("tool", 10),
  message("assistant", 10),
  message("user", 7),
  message("assistant", 3),
  message("user", 4),
];

test("what fits is left as it is", () => {
  assert.deepEqual(trimContext(conversation, 59), { kept: conversation, tokens: 59, dropped: 0 });
});

test("the oldest turn goes as a whole, with its tool call and result; the system message stays", () => {
  const trimmed = trimContext(conversation, 58);
  assert.deepEqual(
    trimmed?.kept.map((kept) => kept.role),
    ["system", "user", "assistant", "user"],
  );
  assert.deepEqual([trimmed?.tokens, trimmed?.dropped], [19, 4]);
});

test("a history that was cut off begins with a whole turn, and keeps its instructions", () => {
  const cutOff = [
    message("tool", 10),
    message("assistant", 10),
    message("developer", 2),
    message("user", 7),
    message("assistant", 3),
  ];
  assert.deepEqual(
    wholeTurns(cutOff).map(({ role }) => role),
    ["developer", "user", "assistant"],
  );
  assert.deepEqual(wholeTurns([message("tool", 1), message("assistant", 1)]), []);
});

test("the last turn is never dropped, so what cannot fit is refused", () => {
  assert.equal(trimContext(conversation, 9)?.tokens, 9);
  assert.equal(trimContext(conversation, 8), undefined);
});

test("a trimmed context fits, keeps its order, and no tool result loses its call", () => {
  const role = fc.constantFrom("system", "user", "assistant", "tool");
  const messages = fc.array(fc.record({ role, tokens: fc.integer({ min: 1, max: 50 }) }), {
    minLength: 1,
    maxLength: 30,
  });
  fc.assert(
    fc.property(messages, fc.integer({ min: 1, max: 400 }), (given, budget) => {
      const sized = given.map((entry, index) => ({ ...entry, json: String(index) }));
      const trimmed = trimContext(sized, budget);
      if (trimmed === undefined) return;
      assert.ok(trimmed.tokens <= budget);
      const places = trimmed.kept.map((kept) => Number(kept.json));
      assert.deepEqual(
        places,
        [...places].sort((a, b) => a - b),
      );
      for (const place of places) {
        const before = place - 1;
        const isToolResult = sized[place]?.role === "tool" && sized[before]?.role === "assistant";
        if (isToolResult) assert.ok(places.includes(before), "a tool result without its call");
      }
    }),
  );
});

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Fault } from "../../kernel/index.ts";
import { parseStrictJson } from "./strict-json.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

function refusal(body: Uint8Array): string {
  try {
    parseStrictJson(body);
  } catch (error) {
    if (Fault.is(error) && error.httpStatus === 400) return error.reason;
    throw error;
  }
  return "accepted";
}

test("what JSON.stringify writes is read back alike", () => {
  fc.assert(
    fc.property(fc.json({ maxDepth: 5, noUnicodeString: false }), (text) => {
      if (text.includes("\\u0000") || text.includes("__proto__")) return;
      assert.deepEqual(parseStrictJson(bytes(text)), JSON.parse(text));
    }),
  );
});

test("a key that stands twice is refused, escaped or not, at any level", () => {
  for (const text of [
    '{"a":1,"a":2}',
    '{"a":1,"\\u0061":2}',
    '[{"x":{"a":1 , "b":[], "a"\n:2}}]',
    '{"constructor":1,"constructor":1}',
  ]) {
    assert.equal(refusal(bytes(text)), "rest.json_refused", text);
  }
});

test("the same key in different objects, and as a value, is fine", () => {
  assert.deepEqual(parseStrictJson(bytes('[{"a":"a"},{"a":{"a":"a:"}}]')), [
    { a: "a" },
    { a: { a: "a:" } },
  ]);
});

test("`__proto__` is refused and reaches no prototype", () => {
  assert.equal(refusal(bytes('{"__proto__":{"admin":true}}')), "rest.json_refused");
  assert.equal(refusal(bytes('{"a":[{"\\u005f_proto__":1}]}')), "rest.json_refused");
  assert.equal(({} as Record<string, unknown>)["admin"], undefined);
});

test("64 levels pass, 65 and 100,000 are refused without a deep stack", () => {
  const nested = (depth: number): Uint8Array => bytes("[".repeat(depth) + "]".repeat(depth));
  assert.equal(refusal(nested(64)), "accepted");
  assert.equal(refusal(nested(65)), "rest.json_refused");
  assert.equal(refusal(nested(100_000)), "rest.json_refused");
});

test("what is not JSON in UTF-8 is refused", () => {
  for (const text of ["", "{", "nul", "NaN", "{} x", "{'a':1}", "\ufeff{}", '"\t"', "[1,]"]) {
    assert.equal(refusal(bytes(text)), "rest.malformed_json", JSON.stringify(text));
  }
  assert.equal(refusal(Uint8Array.of(0x22, 0xff, 0x22)), "rest.malformed_json");
});

test("text that a database cannot hold is refused", () => {
  assert.equal(refusal(bytes('{"a":"\\u0000"}')), "rest.json_refused");
  assert.equal(refusal(bytes('["\\ud800"]')), "rest.json_refused");
  assert.equal(refusal(bytes('["\\ud83d\\ude00"]')), "accepted");
});

test("arbitrary bytes are accepted or refused, never a crash", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (body) => {
      assert.match(refusal(body), /^(accepted|rest\.\w+)$/);
    }),
  );
});

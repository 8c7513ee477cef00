import assert from "node:assert/strict";
import { test } from "node:test";
import { supportedSchema } from "./schema-support.ts";

test("a schema that a grammar cannot hold an answer to is refused by the name of the keyword", () => {
  const refused = supportedSchema({
    type: "object",
    properties: { age: { type: "integer", minimum: 0 } },
  });
  assert.deepEqual(refused, {
    kind: "refused",
    problem: "properties.age.minimum is not supported",
  });
  let deep: unknown = { type: "string" };
  for (let depth = 0; depth < 10_000; depth += 1) deep = { type: "array", items: deep };
  assert.equal(supportedSchema(deep).kind, "refused");
  assert.equal(supportedSchema([]).kind, "refused");
});

test("anyOf and definitions are rewritten to what the grammar writer knows", () => {
  const reading = supportedSchema({
    anyOf: [{ $ref: "#/definitions/a" }, { type: "null" }],
    definitions: { a: { type: "string" } },
  });
  assert.deepEqual(reading, {
    kind: "schema",
    schema: {
      oneOf: [{ $ref: "#/$defs/a" }, { type: "null" }],
      $defs: { a: { type: "string" } },
    },
  });
});

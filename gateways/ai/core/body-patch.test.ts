import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { BodyPatch } from "./body-patch.ts";
import { JsonDocument, nowhere } from "./json-document.ts";
import { scanJson } from "./json-scanner.ts";

function patchOf(text: string): { document: JsonDocument; patch: BodyPatch } {
  const document = scanJson(Buffer.from(text), 4);
  assert.ok(document instanceof JsonDocument);
  return { document, patch: new BodyPatch(document) };
}

test("a body that nothing changes is the very same bytes", () => {
  const { document, patch } = patchOf('{"model":"a"}');
  patch.remove("absent");
  assert.equal(patch.build(), document.bytes);
});

test("any members can be set and taken away at once, and all other bytes stay", () => {
  const keys = ["a", "model", "é", "max_tokens", "stream", "z"];
  const body = fc.uniqueArray(
    fc.record({ key: fc.constantFrom(...keys), value: fc.jsonValue({ maxDepth: 2 }) }),
    { selector: ({ key }) => key },
  );
  const changes = fc.uniqueArray(
    fc.record({
      key: fc.constantFrom("a", "model", "max_tokens", "stream", "z"),
      value: fc.option(fc.jsonValue({ maxDepth: 1 }), { nil: undefined }),
    }),
    { selector: ({ key }) => key },
  );
  fc.assert(
    fc.property(body, changes, fc.constantFrom("", " ", "\n  "), (members, edits, blank) => {
      const lines = members.map(
        ({ key, value }) =>
          `${blank}${JSON.stringify(key)}${blank}:${JSON.stringify(value)}${blank}`,
      );
      const text = `${blank}{${lines.join(",")}${blank}}${blank}`;
      const { patch } = patchOf(text);
      const expected = new Map(members.map(({ key, value }) => [key, value]));
      for (const { key, value } of edits) {
        if (value === undefined) {
          patch.remove(key);
          expected.delete(key);
        } else {
          patch.set(key, JSON.stringify(value));
          expected.set(key, value);
        }
      }
      const built = patch.build().toString();
      const plain = JSON.parse(JSON.stringify(Object.fromEntries(expected)));
      assert.deepEqual(JSON.parse(built), plain, `${text} became ${built}`);
    }),
    { numRuns: 2_000 },
  );
});

test("a value deep inside is replaced and a member renamed in their places", () => {
  const { document, patch } = patchOf('{"messages":[{"role":"developer","content":"é"}],"n":1}');
  const message = document.firstChild(document.member(document.root, "messages"));
  const role = document.member(message, "role");
  assert.notEqual(role, nowhere);
  patch.replace(role, '"system"');
  patch.rename(document.member(message, "content"), "text");
  patch.remove("n");
  assert.equal(patch.build().toString(), '{"messages":[{"role":"system","text":"é"}]}');
});

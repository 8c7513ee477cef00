import assert from "node:assert/strict";
import { test } from "node:test";
import { JsonEnd } from "./json-end.ts";

test("the end of a JSON value is found however the text is cut", () => {
  const value = '{"a":["}\\"]",{"b":1}]}';
  for (let cut = 0; cut <= value.length; cut += 1) {
    const end = new JsonEnd();
    const early = end.push(value.slice(0, cut));
    assert.equal(early, cut === value.length ? cut : undefined);
    if (early === undefined) assert.equal(end.push(`${value.slice(cut)}\n\n`), value.length - cut);
  }
  assert.equal(new JsonEnd().push(' "x" '), 4);
  assert.equal(new JsonEnd().push("[]]"), 2);
});

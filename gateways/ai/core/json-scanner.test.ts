import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { hasControlBytes } from "./control-bytes.ts";
import { JsonDocument, jsonKind, nowhere } from "./json-document.ts";
import { scanJson } from "./json-scanner.ts";

function scan(text: string): ReturnType<typeof scanJson> {
  return scanJson(Buffer.from(text), 64);
}

function problemOf(text: string | Buffer): string {
  const result = scanJson(Buffer.from(text), 3);
  assert.ok(!(result instanceof JsonDocument), `accepted ${text.toString().slice(0, 80)}`);
  return result.problem;
}

/** The value that the document's tape describes, built without `JSON.parse` of the whole. */
function treeOf(document: JsonDocument, value: number): unknown {
  switch (document.kind(value)) {
    case jsonKind.object: {
      const entries: [string, unknown][] = [];
      for (
        let at = document.firstChild(value);
        at !== nowhere;
        at = document.nextChild(value, at)
      ) {
        entries.push([document.key(at), treeOf(document, at)]);
      }
      return Object.fromEntries(entries);
    }
    case jsonKind.array: {
      const elements: unknown[] = [];
      for (
        let at = document.firstChild(value);
        at !== nowhere;
        at = document.nextChild(value, at)
      ) {
        elements.push(treeOf(document, at));
      }
      return elements;
    }
    case jsonKind.string:
      return document.text(value);
    case jsonKind.number:
      return document.number(value);
    case jsonKind.true:
      return true;
    case jsonKind.false:
      return false;
    default:
      return null;
  }
}

function escaped(character: string): string {
  let text = "";
  for (let index = 0; index < character.length; index += 1) {
    text += `\\u${character.charCodeAt(index).toString(16).padStart(4, "0")}`;
  }
  return text;
}

/** JSON as people and programs write it: blanks anywhere, characters escaped at will. */
function written(value: unknown, draw: () => number): string {
  const blank = (): string => ["", "", "", " ", "\n", "\t\r\n", "  "][draw() % 7] ?? "";
  const text = (plain: string): string => {
    let json = '"';
    for (const character of plain) {
      json += draw() % 9 === 0 ? escaped(character) : JSON.stringify(character).slice(1, -1);
    }
    return `${json}"`;
  };
  if (typeof value === "string") return blank() + text(value) + blank();
  if (Array.isArray(value)) {
    const elements = value.map((element) => written(element, draw));
    return `${blank()}[${elements.length === 0 ? blank() : elements.join(",")}]${blank()}`;
  }
  if (typeof value === "object" && value !== null) {
    const members = Object.entries(value).map(
      ([key, member]) => `${blank()}${text(key)}${blank()}:${written(member, draw)}`,
    );
    return `${blank()}{${members.length === 0 ? blank() : members.join(",")}}${blank()}`;
  }
  return blank() + JSON.stringify(value) + blank();
}

const anyJson = fc.jsonValue({ maxDepth: 6, stringUnit: "grapheme" });
const draws = fc.infiniteStream(fc.nat());

test("every document is read as JSON.parse reads it, however it is written", () => {
  fc.assert(
    fc.property(anyJson, draws, (value, stream) => {
      const text = written(value, () => stream.next().value);
      const document = scan(text);
      assert.ok(document instanceof JsonDocument, JSON.stringify(document));
      assert.deepEqual(treeOf(document, document.root), JSON.parse(text));
      const own = document.compact();
      assert.deepEqual(treeOf(own, own.root), JSON.parse(text));
    }),
    { numRuns: 1500 },
  );
});

test("no damaged document passes that JSON.parse refuses, and none fails without a reason", () => {
  const edit = fc.record({ at: fc.nat(), byte: fc.integer({ min: 0, max: 255 }), how: fc.nat(2) });
  const ours = /UTF-8|deeper|twice|surrogate|too many/;
  fc.assert(
    fc.property(anyJson, fc.array(edit, { minLength: 1, maxLength: 4 }), (value, edits) => {
      let bytes = Buffer.from(JSON.stringify({ a: value, model: "m", é: [value] }));
      for (const { at, byte, how } of edits) {
        const place = at % bytes.length;
        const tail = bytes.subarray(how === 0 ? place : place + 1);
        bytes = Buffer.concat([
          bytes.subarray(0, place),
          how === 2 ? Buffer.alloc(0) : Buffer.of(byte),
          tail,
        ]);
      }
      const result = scanJson(bytes, 64);
      let parsed: unknown;
      try {
        parsed = { value: JSON.parse(bytes.toString()) };
      } catch {
        assert.ok(!(result instanceof JsonDocument), `accepted ${bytes.toString()}`);
        return;
      }
      if (result instanceof JsonDocument) {
        assert.deepEqual({ value: treeOf(result, result.root) }, parsed);
      } else assert.match(result.problem, ours, bytes.toString());
    }),
    { numRuns: 4000 },
  );
});

test("a key that stands twice is refused at any depth, also when one of them is escaped", () => {
  const many = Array.from({ length: 40 }, (_, index) => `"k${index}":1`).join(",");
  for (const text of [
    '{"a":1,"b":2,"a":3}',
    '{"a":1,"\\u0061":2}',
    '[[{"x":{"deep":{"a":1,"a":1}}}]]',
    `{${many},"k7":2}`,
    '{"__proto__":1,"__proto__":2}',
  ]) {
    assert.match(problemOf(text), /twice/);
  }
  assert.ok(scan(`{"a":{"a":{"a":1}},"b":[{"a":1},{"a":1}],${many}}`) instanceof JsonDocument);
});

test("depth 64 is read and depth 65 refused, as is depth 100,000, without harm", () => {
  const nested = (depth: number): string => "[".repeat(depth) + "]".repeat(depth);
  assert.ok(scan(nested(65)) instanceof JsonDocument, "the root is depth 0");
  assert.match(problemOf(nested(66)), /deeper than 64/);
  assert.match(problemOf("[".repeat(100_000)), /deeper/);
  assert.match(problemOf('{"a":'.repeat(100_000)), /deeper/);
});

test("what is no I-JSON is refused with its reason", () => {
  assert.match(problemOf(Buffer.from([0x22, 0xff, 0x22])), /UTF-8/);
  assert.match(problemOf("\uFEFF{}"), /not valid JSON/);
  assert.match(problemOf('{"a":NaN}'), /not valid JSON/);
  assert.match(problemOf('{"a":1}{"b":2}'), /goes on/);
  assert.match(problemOf('{"a":"\\ud800"}'), /surrogate/);
  assert.match(problemOf('{"a":"\\udc00\\ud800"}'), /surrogate/);
  assert.match(problemOf('{"a":"x\ny"}'), /control character/);
  assert.match(problemOf(`{"a":"${"long ".repeat(90)}\u0001"}`), /control character/);
  assert.match(problemOf('{"a":"x'), /middle of a string/);
  for (const text of [
    "",
    " ",
    "01",
    "1.",
    ".5",
    "+1",
    "1e",
    "-",
    "tru",
    "[1,]",
    '{"a":1,}',
    "'a'",
  ]) {
    assert.match(problemOf(text), /not valid JSON/);
  }
});

test("a prototype's name is a key like any other", () => {
  const document = scan('{"__proto__":{"stream":true},"constructor":1}');
  assert.ok(document instanceof JsonDocument);
  assert.equal(document.member(document.root, "stream"), nowhere);
  assert.notEqual(document.member(document.root, "__proto__"), nowhere);
});

test("values below the recorded depth are checked but take no place on the tape", () => {
  const document = scanJson(Buffer.from('{"a":[1,[2,[3]]],"b":"x"}'), 1);
  assert.ok(document instanceof JsonDocument);
  const a = document.member(document.root, "a");
  assert.equal(document.firstChild(a), nowhere);
  assert.equal(document.raw(a), "[1,[2,[3]]]");
  assert.equal(document.text(document.member(document.root, "b")), "x");
});

test("a million elements are refused in bounded memory, or skipped where not recorded", () => {
  const bytes = Buffer.from(`{"input":[${"1,".repeat(1_000_000)}1]}`);
  const refused = scanJson(bytes, 5);
  assert.ok(!(refused instanceof JsonDocument) && /too many/.test(refused.problem));
  assert.ok(scanJson(bytes, 1) instanceof JsonDocument);
});

test("control bytes are found at every offset and alignment", () => {
  for (let lead = 0; lead < 4; lead += 1) {
    for (let length = 0; length < 20; length += 1) {
      const backing = Buffer.alloc(32, 0x20);
      const clean = backing.subarray(lead, lead + length);
      assert.equal(hasControlBytes(clean), false);
      for (let at = 0; at < length; at += 1) {
        for (const byte of [0x00, 0x1f, 0x0a]) {
          clean[at] = byte;
          assert.equal(hasControlBytes(clean), true);
          clean[at] = [0x20, 0x7f, 0x80, 0xff][at % 4] ?? 0x20;
        }
        assert.equal(hasControlBytes(clean), false);
      }
    }
  }
});

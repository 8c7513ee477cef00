import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { encodeFields, fieldLine, forwardFields, hopByHopFields } from "./encoded-fields.ts";
import { type FieldBlock, FieldNameSet } from "./field-block.ts";
import { HeadScanner } from "./head-scanner.ts";
import { ScannedRequestHead } from "./heads.ts";
import { serverLimitsDefault } from "./limits.ts";
import { FieldList } from "./node-heads.ts";

/** These lines as the fields of a scanned request. */
function scan(lines: string): FieldBlock {
  const scanner = new HeadScanner("request", serverLimitsDefault);
  const bytes = Buffer.from(`GET / HTTP/1.1\r\nhost: a\r\n${lines}\r\n`, "latin1");
  const end = scanner.scan(bytes, 0, bytes.length);
  assert.equal(end, bytes.length, scanner.refusal);
  return new ScannedRequestHead(bytes.toString("latin1"), scanner).headers;
}

const dropped = new FieldNameSet([...hopByHopFields, "host"], ["x-tandem-"]);

test("fields are found whatever their case, and several of a name are joined", () => {
  const fields = scan("X-Twice: 1\r\nCONTENT-TYPE:text/plain\r\nx-twice:\t2 \r\nEmpty:\r\n");
  assert.equal(fields.get("x-twice"), "1, 2");
  assert.equal(fields.get("content-type"), "text/plain");
  assert.equal(fields.get("empty"), "");
  assert.equal(fields.get("x-twic"), undefined);
  assert.equal(fields.has("empty"), true);
  assert.deepEqual(fields.entries(), [
    ["host", "a"],
    ["x-twice", "1"],
    ["content-type", "text/plain"],
    ["x-twice", "2"],
    ["empty", ""],
  ]);
});

test("a caret is no tilde and an underscore no dash, in any case", () => {
  const fields = scan("a^b: 1\r\na_b: 2\r\n");
  assert.equal(fields.get("a~b"), undefined);
  assert.equal(fields.get("a-b"), undefined);
  assert.equal(fields.get("a^b"), "1");
});

test("what is dropped, nominated or prefixed does not pass; the rest does, in order", () => {
  const fields = scan(
    "Connection: keep-alive, X-Hop\r\nX-Hop: 1\r\nKeep-Alive: 5\r\nX-Tandem-Passport: p\r\n" +
      "A: 1\r\nB:  2  \r\nC: 3\r\n",
  );
  const { lines } = forwardFields(fields, { dropped, added: [["d", "4"]] });
  assert.equal(lines, "A: 1\r\nB: 2\r\nC: 3\r\nd: 4\r\n");
});

test("forwarding a block as it lies gives what writing its fields anew would give", () => {
  const name = fc.constantFrom("a", "B-c", "Keep-Alive", "x-tandem-x", "Trailer", "x_y", "Accept");
  const value = fc.stringMatching(/^[!-~\xa1-\xff]{0,12}$/);
  const blank = fc.constantFrom("", " ", "  ", "\t", " \t ");
  const field = fc.tuple(name, blank, value, blank);
  fc.assert(
    fc.property(fc.array(field, { maxLength: 12 }), (fields) => {
      const text = fields.map(([n, before, v, after]) => `${n}:${before}${v}${after}\r\n`).join("");
      const block = scan(text);
      const fromBlock = forwardFields(block, { dropped }).lines;
      const anew = forwardFields(new FieldList(block.entries()), { dropped }).lines;
      assert.equal(
        fromBlock.replace(/^[^:\r\n]+/gm, (each) => each.toLowerCase()),
        anew,
      );
    }),
  );
});

test("nothing that could end a line or a message can be written", () => {
  for (const value of ["a\r\nb", "a\nb", "a\rb", "a\0b", "\u010a", "\x7f", "\u{1f600}"]) {
    assert.throws(() => fieldLine("x", value), /control or wide/);
  }
  for (const name of ["", "a b", "a:", "a\r\n", "ä", "Content-Length", "transfer-encoding"]) {
    assert.throws(() => encodeFields([[name, "1"]]), name);
  }
  assert.equal(encodeFields([["x", "tab\tand \xe9"]]).lines, "x: tab\tand \xe9\r\n");
});

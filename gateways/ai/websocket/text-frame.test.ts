import assert from "node:assert/strict";
import { test } from "node:test";
import { textFrame } from "./text-frame.ts";

/** The texts in these frames, read as RFC 6455 (5.2) has them. */
function textsIn(bytes: Buffer): string[] {
  const texts: string[] = [];
  for (let at = 0; at < bytes.length; ) {
    assert.equal(bytes[at], 0x81);
    const short = bytes[at + 1] ?? 0;
    assert.ok(short < 128, "a server does not mask");
    const head = short === 126 ? 4 : short === 127 ? 10 : 2;
    let length = short;
    if (short === 126) length = bytes.readUInt16BE(at + 2);
    if (short === 127) length = Number(bytes.readBigUInt64BE(at + 2));
    // The shortest form has to be used.
    assert.ok(length >= (head === 10 ? 65_536 : head === 4 ? 126 : 0));
    texts.push(bytes.toString("utf8", at + head, at + head + length));
    at += head + length;
  }
  return texts;
}

test("a text comes out of its frame as it went in, with every form of length", () => {
  const lengths = [0, 1, 125, 126, 65_535, 65_536, 200_000];
  const texts = [...lengths.map((length) => "x".repeat(length)), "ü€😀".repeat(40)];
  assert.deepEqual(textsIn(Buffer.concat(texts.map(textFrame))), texts);
});

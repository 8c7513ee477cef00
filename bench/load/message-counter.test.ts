import assert from "node:assert/strict";
import { test } from "node:test";
import { messageCounter } from "./message-counter.ts";

function message(flags: number, length: number): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt8(flags, 0);
  head.writeUInt32BE(length, 1);
  return Buffer.concat([head, Buffer.alloc(length, 0xff)]);
}

test("messages are counted wherever the bytes are cut, and the end is none", () => {
  const bytes = Buffer.concat([message(0, 200), message(0, 0), message(0, 7), message(0x80, 20)]);
  for (let cut = 0; cut <= bytes.length; cut += 1) {
    const count = messageCounter();
    assert.equal(count(bytes.subarray(0, cut)) + count(bytes.subarray(cut)), 3, `at ${cut}`);
  }
  assert.equal(messageCounter()(message(2, 30)), 0);
});

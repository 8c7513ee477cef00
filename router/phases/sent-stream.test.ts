import assert from "node:assert/strict";
import { test } from "node:test";
import { SentStream } from "./sent-stream.ts";
import { eventFraming, framingOf, messageFraming } from "./stream-framing.ts";

function newStream(bytesMax: number): SentStream {
  return new SentStream(bytesMax, eventFraming);
}

function passed(stream: SentStream, text: string): string | undefined {
  return stream.pass(Buffer.from(text))?.toString();
}

test("whole events pass as they come and are kept; half of one waits for its end", () => {
  const stream = newStream(1_000);
  assert.equal(passed(stream, "data: 1\n\n"), "data: 1\n\n");
  assert.equal(passed(stream, "data: 2\n\nda"), "data: 2\n\n");
  assert.equal(passed(stream, "ta: 3"), undefined);
  assert.equal(passed(stream, "\n"), undefined);
  assert.equal(passed(stream, "\ndata: 4\n\n"), "data: 3\n\ndata: 4\n\n");
  assert.equal(stream.bytes.toString(), "data: 1\n\ndata: 2\n\ndata: 3\n\ndata: 4\n\n");
  assert.ok(stream.isWhole);
});

test("what a lost replica did not finish saying is forgotten", () => {
  const stream = newStream(1_000);
  passed(stream, "data: 1\n\ndata: 2");
  stream.dropRest();
  assert.equal(passed(stream, "data: two\n\n"), "data: two\n\n");
  assert.equal(stream.bytes.toString(), "data: 1\n\ndata: two\n\n");
});

test("an answer that ends in the middle of an event is given as it came", () => {
  const stream = newStream(1_000);
  passed(stream, "data: 1\n\ndata: 2");
  assert.equal(stream.takeRest()?.toString(), "data: 2");
  assert.equal(stream.takeRest(), undefined);
});

test("a stream that is too long is passed on and given up", () => {
  const stream = newStream(20);
  passed(stream, "data: 1\n\n");
  assert.equal(passed(stream, "data: 2222222\n\n"), "data: 2222222\n\n");
  assert.ok(!stream.isWhole);
  assert.equal(stream.bytes.length, 0);
  const endless = newStream(20);
  assert.equal(passed(endless, "x".repeat(15)), undefined);
  assert.equal(passed(endless, "x".repeat(15)), "x".repeat(30));
});

test("a stream that its gateway ended on purpose is known by its last words", () => {
  const stream = newStream(1_000);
  passed(stream, 'data: {"error":{}}\n\n');
  assert.ok(!stream.isEnded);
  passed(stream, ": ended\n\n");
  assert.ok(stream.isEnded);
});

function message(text: string, flags = 0): Buffer {
  const head = Buffer.alloc(5);
  head[0] = flags;
  head.writeUInt32BE(text.length, 1);
  return Buffer.concat([head, Buffer.from(text)]);
}

test("messages pass whole, wherever they are cut, and the last one ends the stream", () => {
  const bytes = Buffer.concat([message("one"), message(""), message("three"), message("", 0x80)]);
  for (let at = 0; at <= bytes.length; at += 1) {
    const stream = new SentStream(1_000, messageFraming);
    const first = stream.pass(bytes.subarray(0, at));
    const whole = first?.length ?? 0;
    assert.equal(stream.isComplete, whole === bytes.length, `at ${at}`);
    assert.deepEqual(stream.bytes, bytes.subarray(0, whole));
    const rest = stream.pass(bytes.subarray(at)) ?? Buffer.alloc(0);
    assert.deepEqual(Buffer.concat([first ?? Buffer.alloc(0), rest]), bytes);
    assert.ok(stream.isComplete && stream.isEnded);
  }
  assert.equal(framingOf("application/connect+json"), messageFraming);
  assert.equal(framingOf("text/event-stream; charset=utf-8"), eventFraming);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { SentStream } from "./sent-stream.ts";

function passed(stream: SentStream, text: string): string | undefined {
  return stream.pass(Buffer.from(text))?.toString();
}

test("whole events pass as they come and are kept; half of one waits for its end", () => {
  const stream = new SentStream(1_000);
  assert.equal(passed(stream, "data: 1\n\n"), "data: 1\n\n");
  assert.equal(passed(stream, "data: 2\n\nda"), "data: 2\n\n");
  assert.equal(passed(stream, "ta: 3"), undefined);
  assert.equal(passed(stream, "\n"), undefined);
  assert.equal(passed(stream, "\ndata: 4\n\n"), "data: 3\n\ndata: 4\n\n");
  assert.equal(stream.bytes.toString(), "data: 1\n\ndata: 2\n\ndata: 3\n\ndata: 4\n\n");
  assert.ok(stream.isWhole);
});

test("what a lost replica did not finish saying is forgotten", () => {
  const stream = new SentStream(1_000);
  passed(stream, "data: 1\n\ndata: 2");
  stream.dropRest();
  assert.equal(passed(stream, "data: two\n\n"), "data: two\n\n");
  assert.equal(stream.bytes.toString(), "data: 1\n\ndata: two\n\n");
});

test("an answer that ends in the middle of an event is given as it came", () => {
  const stream = new SentStream(1_000);
  passed(stream, "data: 1\n\ndata: 2");
  assert.equal(stream.takeRest()?.toString(), "data: 2");
  assert.equal(stream.takeRest(), undefined);
});

test("a stream that is too long is passed on and given up", () => {
  const stream = new SentStream(20);
  passed(stream, "data: 1\n\n");
  assert.equal(passed(stream, "data: 2222222\n\n"), "data: 2222222\n\n");
  assert.ok(!stream.isWhole);
  assert.equal(stream.bytes.length, 0);
  const endless = new SentStream(20);
  assert.equal(passed(endless, "x".repeat(15)), undefined);
  assert.equal(passed(endless, "x".repeat(15)), "x".repeat(30));
});

test("a stream that its gateway ended on purpose is known by its last words", () => {
  const stream = new SentStream(1_000);
  passed(stream, 'data: {"error":{}}\n\n');
  assert.ok(!stream.isEnded);
  passed(stream, ": ended\n\n");
  assert.ok(stream.isEnded);
});

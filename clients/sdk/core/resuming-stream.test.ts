import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { dialectOf, type StreamDialect } from "./event-block.ts";
import { ResumingStream, type Verdict } from "./resuming-stream.ts";

/** What a server has to tell: its events, as they stand on the wire, numbered from 1. */
interface Told {
  readonly dialect: StreamDialect;
  readonly events: readonly string[];
}

const pieces = ["Bon", "jour, ", "café ", "日本語 ", "🚲🚲", "\\n\\ndata: no", "."];

function chat(words: readonly string[], lineEnd = "\n"): Told {
  const data = [...words.map((text) => JSON.stringify({ choices: [{ delta: text }] })), "[DONE]"];
  const events = data.map((one, at) => `id: ${at + 1}${lineEnd}data: ${one}${lineEnd}${lineEnd}`);
  return { dialect: "chat", events };
}

function messages(words: readonly string[]): Told {
  const events = [
    ...words.map((text) => `event: content_block_delta\ndata: ${JSON.stringify({ text })}\n\n`),
    'event: message_stop\ndata: {"type":"message_stop"}\n\n',
  ];
  return { dialect: "messages", events: events.map((event, at) => `id: ${at + 1}\n${event}`) };
}

/** The bytes of one connection: the events behind `after`, with signs of life between them. */
function bytesFrom({ events }: Told, after: number, comments: boolean): Buffer {
  const rest = events.slice(after);
  return Buffer.from(rest.map((event) => (comments ? `: keep-alive\n\n${event}` : event)).join(""));
}

/** Takes the bytes as a connection brings them: in pieces, characters cut in two. */
function feed(stream: ResumingStream, bytes: Buffer, chunkSize: number): string {
  const decoder = new TextDecoder();
  stream.opened();
  let told = "";
  for (let at = 0; at < bytes.length; at += chunkSize) {
    told += stream.read(decoder.decode(bytes.subarray(at, at + chunkSize), { stream: true }));
  }
  return told;
}

/** Which line end it was may be lost with the connection; which lines they were may not. */
const lines = (text: string): string =>
  text.replaceAll(": keep-alive\n\n", "").replaceAll(/\r\n?/g, "\n");
const ask = (after: number): Verdict => ({ kind: "ask", after });

for (const told of [chat(pieces), chat(pieces, "\r\n"), chat(pieces, "\r"), messages(pieces)]) {
  const name = `${told.dialect} ${JSON.stringify(told.events[0]?.slice(-2))}`;
  test(`${name}: cut at every byte offset, nothing is lost, doubled or half told`, () => {
    const whole = told.events.join("");
    for (const how of ["broke", "ended"] as const) {
      for (let cut = 0; cut < Buffer.byteLength(whole); cut += 1) {
        const stream = new ResumingStream(told.dialect);
        const first = feed(stream, bytesFrom(told, 0, false).subarray(0, cut), 7);
        assert.equal(lines(first), lines(told.events.slice(0, stream.last).join("")));
        const verdict = stream[how]();
        if (stream.isWhole) {
          assert.deepEqual(verdict, { kind: "end" });
          continue;
        }
        assert.deepEqual(verdict, ask(stream.last), `cut at ${cut}`);
        const rest = feed(stream, bytesFrom(told, stream.last, true), 5);
        assert.equal(lines(first + rest), lines(whole), `cut at ${cut}`);
        assert.deepEqual(stream.ended(), { kind: "end" });
      }
    }
  });
}

const cuts = fc.array(
  fc.record({
    share: fc.double({ min: 0, max: 1, noNaN: true }),
    how: fc.constantFrom("broke" as const, "ended" as const),
    /** A server that goes on from further back, or leaves events out. */
    shift: fc.integer({ min: -3, max: 2 }),
    chunkSize: fc.integer({ min: 1, max: 64 }),
    comments: fc.boolean(),
  }),
  { maxLength: 12 },
);

test("however often it breaks, and whatever it is told again, each event comes once, in order", () => {
  fc.assert(
    fc.property(cuts, fc.constantFrom(chat(pieces), messages(pieces)), (breaks, told) => {
      const stream = new ResumingStream(told.dialect);
      let heard = "";
      let emptyEnds = 0;
      for (const { share, how, shift, chunkSize, comments } of breaks) {
        const before = stream.last;
        const bytes = bytesFrom(told, Math.max(0, before + shift), comments);
        heard += feed(stream, bytes.subarray(0, Math.floor(bytes.length * share)), chunkSize);
        const verdict = stream[how]();
        if (stream.isWhole) break;
        emptyEnds = stream.last > before ? 0 : emptyEnds + (how === "ended" ? 1 : 0);
        // Somebody who keeps ending it in order, with nothing new, has no more to say.
        if (verdict.kind === "fail") {
          assert.deepEqual([verdict.why, emptyEnds >= 3], ["unfinished", true]);
          return;
        }
        assert.deepEqual(verdict, ask(stream.last));
      }
      if (!stream.isWhole) heard += feed(stream, bytesFrom(told, stream.last, false), 9);
      assert.equal(lines(heard), told.events.join(""));
      assert.deepEqual(stream.ended(), { kind: "end" });
      assert.deepEqual(stream.broke(), { kind: "end" });
    }),
    { numRuns: 2_000 },
  );
});

test("a gap in the numbers is not passed on, and the connection is not believed any more", () => {
  const stream = new ResumingStream("chat");
  stream.opened();
  assert.equal(
    stream.read("id: 1\ndata: a\n\nid: 3\ndata: c\n\nid: 2\ndata: b\n\n"),
    "id: 1\ndata: a\n\n",
  );
  assert.ok(stream.isUnsound);
  assert.deepEqual(stream.ended(), ask(1));
  stream.opened();
  assert.equal(stream.read("data: without a number\n\n"), "");
  assert.ok(stream.isUnsound);
});

test("events without numbers are passed on, and their break is final", () => {
  const stream = new ResumingStream("chat");
  stream.opened();
  assert.equal(stream.read("data: a\n\ndata: b"), "data: a\n\n");
  assert.deepEqual(stream.broke(), { kind: "fail", why: "unnumbered" });
  assert.deepEqual(stream.ended(), { kind: "fail", why: "unfinished" });
  assert.equal(stream.read("\n\ndata: [DONE]\n\n"), "data: b\n\ndata: [DONE]\n\n");
  assert.deepEqual(stream.ended(), { kind: "end" });
});

test("an error in the stream is told, is the last word, and is never an end", () => {
  const error = 'data: {"error":{"message":"gone"}}\n\n';
  for (const text of [error, `id: 2\n${error}`, 'event: error\ndata: {"type":"error"}\n\n']) {
    const stream = new ResumingStream("chat");
    stream.opened();
    assert.equal(
      stream.read(`id: 1\ndata: a\n\n${text}id: 3\ndata: b\n\n`),
      `id: 1\ndata: a\n\n${text}`,
    );
    for (const how of ["broke", "ended"] as const) {
      assert.deepEqual(stream[how](), { kind: "fail", why: "told" }, text);
    }
  }
});

test("a stream that was ended on purpose is not asked for again", () => {
  const stream = new ResumingStream("chat");
  stream.opened();
  stream.read("id: 1\ndata: a\n\n: ended\n\n");
  assert.deepEqual(stream.broke(), { kind: "fail", why: "told" });
});

test("a response that failed has ended, unless its connection broke", () => {
  const stream = new ResumingStream("responses");
  stream.opened();
  stream.read('id: 1\nevent: response.failed\ndata: {"type":"response.failed"}\n\n');
  assert.deepEqual(stream.ended(), { kind: "end" });
  assert.deepEqual(stream.broke(), { kind: "fail", why: "told" });
});

test("a stream of which nobody knows the last event ends when its connection does", () => {
  const stream = new ResumingStream("unknown");
  stream.opened();
  stream.read("id: 1\ndata: a\n\n");
  assert.deepEqual(stream.broke(), ask(1));
  assert.deepEqual(stream.ended(), { kind: "end" });
});

test("the dialect is that of the path, wherever the API is mounted", () => {
  assert.equal(dialectOf("/v1/chat/completions"), "chat");
  assert.equal(dialectOf("/beta/completions"), "chat");
  assert.equal(dialectOf("/anthropic/v1/messages"), "messages");
  assert.equal(dialectOf("/v1/responses"), "responses");
  assert.equal(dialectOf("/v1/responses/resp_1"), "responses");
  assert.equal(dialectOf("/v1/messages/count_tokens"), "unknown");
});

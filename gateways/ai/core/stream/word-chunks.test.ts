import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type WordChunk, WordChunks } from "./word-chunks.ts";

const words = fc.string({ unit: "grapheme", maxLength: 20 });
const names = fc.constantFrom("content", "role", "refusal", 'x"content', '"content":"a"');
const chunks = fc.record(
  {
    id: fc.constantFrom("a", '"content":"b', "content"),
    created: fc.constantFrom(1, 2),
    choices: fc.array(
      fc.record(
        {
          index: fc.constantFrom(0, 0, 0, 1),
          delta: fc.dictionary(names, fc.option(words), { maxKeys: 2 }),
          finish_reason: fc.constantFrom(null, null, null, "stop"),
        },
        { requiredKeys: ["index", "delta"] },
      ),
      { minLength: 1, maxLength: 2 },
    ),
    usage: fc.constantFrom(null, null, {}),
    error: fc.constantFrom(null, null, {}),
  },
  { requiredKeys: ["id", "choices"] },
);

/** What a chunk is but for its words. */
function frameOf(chunk: WordChunk, said: string): string {
  const [choice] = chunk.choices ?? [];
  assert.equal(choice?.delta?.["content"], said);
  const delta = { ...choice.delta, content: "" };
  return JSON.stringify({ ...chunk, choices: [{ ...choice, delta }] });
}

test("words found without reading are those that reading finds, in a chunk like the last", () => {
  const counts = { found: 0, read: 0 };
  const streams = fc.array(fc.tuple(chunks, fc.array(words, { minLength: 1, maxLength: 5 })));
  fc.assert(
    fc.property(streams, fc.boolean(), (stream, isSpaced) => {
      const reader = new WordChunks();
      let last: string | undefined;
      for (const [base, said] of stream) {
        for (const content of said) {
          const chunk = withContent(base, content);
          const json = JSON.stringify(chunk);
          const text = `data: ${isSpaced ? json.replaceAll('":', '": ') : json}\n\n`;
          const start = 6;
          const end = text.length - 2;
          const found = reader.wordsIn(text, start, end);
          const value = JSON.parse(text.slice(start, end)) as WordChunk;
          if (found === undefined) {
            counts.read += 1;
            const learned = reader.learn(text, { start, end, chunk: value });
            if (learned !== undefined) last = frameOf(value, learned);
          } else {
            counts.found += 1;
            assert.equal(frameOf(value, found), last);
            assert.equal(JSON.stringify(found), `"${found}"`);
          }
        }
      }
    }),
  );
  assert.ok(counts.found > 0 && counts.read > 0, JSON.stringify(counts));
});

test("a chunk cut short, a longer one and one with an escape are read", () => {
  const reader = new WordChunks();
  const chunkOf = (content: string): string =>
    JSON.stringify({ id: "a", choices: [{ index: 0, delta: { content } }] });
  const learned = chunkOf("one");
  reader.learn(learned, { start: 0, end: learned.length, chunk: JSON.parse(learned) });
  const next = chunkOf("two");
  assert.equal(reader.wordsIn(next, 0, next.length), "two");
  for (const other of [chunkOf("\n"), chunkOf(""), `${next} `, next.replace('"a"', '"b"')]) {
    assert.equal(reader.wordsIn(other, 0, other.length), undefined, other);
  }
  assert.equal(reader.wordsIn(next, 0, next.length - 1), undefined);
});

test("an upstream whose chunks are never alike is no longer learned from", () => {
  const reader = new WordChunks();
  for (let created = 0; created < 40; created += 1) {
    const chunk = { created, choices: [{ index: 0, delta: { content: "word" } }] };
    const text = JSON.stringify(chunk);
    assert.equal(reader.learn(text, { start: 0, end: text.length, chunk }), "word");
    const isKnown = reader.wordsIn(text, 0, text.length) === "word";
    assert.equal(isKnown, created < 16, `chunk ${created}`);
  }
});

test("a thought is no lesson, and what brings more than words is tried a few times only", () => {
  const reader = new WordChunks();
  const chunkOf = (choice: object): string =>
    JSON.stringify({ choices: [{ index: 0, ...choice }] });
  const mayLearn = (text: string): boolean => reader.mayLearn(text, 0, text.length);
  assert.ok(!mayLearn(chunkOf({ delta: { content: null, reasoning_content: "hm" } })));
  assert.ok(!mayLearn(chunkOf({ delta: { content: "", reasoning_content: "hm" } })));
  const likely = chunkOf({ delta: { content: "word" }, logprobs: { content: [] } });
  let tries = 0;
  for (; tries < 100 && mayLearn(likely); tries += 1) {
    reader.learn(likely, { start: 0, end: likely.length, chunk: JSON.parse(likely) as WordChunk });
  }
  assert.equal(tries, 16);
});

function withContent(base: WordChunk, content: string): WordChunk {
  const [first, ...others] = base.choices ?? [];
  return { ...base, choices: [{ ...first, delta: { ...first?.delta, content } }, ...others] };
}

import assert from "node:assert/strict";
import { test } from "node:test";
import { fromBinary } from "@bufbuild/protobuf";
import { ChatCompletionChunkSchema } from "@tandem/contracts/rpc/tandem/v1/inference_pb";
import { EnvelopeReader, envelopeFlags } from "@tandem/libs/rpc";
import fc from "fast-check";
import { chatChunk } from "./answer-messages.ts";
import { framed, WordMessages } from "./word-messages.ts";

const text = fc.string({ unit: "grapheme", maxLength: 300 });
const heads = fc.record(
  {
    id: text,
    created: fc.nat(),
    model: text,
    system_fingerprint: fc.option(text),
    usage: fc.constantFrom(null, undefined),
  },
  { requiredKeys: [] },
);
const choices = fc.record(
  {
    index: fc.constantFrom(0, 0, 0, 1),
    delta: fc.record(
      { content: fc.option(text), role: fc.option(text), reasoning_content: fc.option(text) },
      { requiredKeys: [] },
    ),
    finish_reason: fc.option(fc.constant("stop"), { freq: 4 }),
  },
  { requiredKeys: ["index", "delta"] },
);

test("words in their frames are the message that they would be the long way", () => {
  const counts = { short: 0, long: 0 };
  // Each kind of chunk some times in a row, with other words.
  const runs = fc.array(fc.tuple(choices, fc.array(text, { minLength: 1, maxLength: 4 })));
  fc.assert(
    fc.property(fc.array(heads, { minLength: 1, maxLength: 2 }), runs, (some, all) => {
      const messages = new WordMessages();
      const said = all.flatMap(([choice, contents]) =>
        contents.map((content) => ({ ...choice, delta: { ...choice.delta, content } })),
      );
      for (const [at, choice] of [...all.map(([choice]) => choice), ...said].entries()) {
        const json = JSON.stringify({ ...some[at % some.length], choices: [choice] });
        const frame = messages.frameOf(json);
        const expected = chatChunk(json);
        if (frame === undefined) {
          counts.long += 1;
          continue;
        }
        counts.short += 1;
        const words = choice.delta.content ?? "";
        assert.deepEqual(framed(messages.frame, words), frame);
        const [envelope] = new EnvelopeReader(2 ** 20).add(frame);
        assert.ok(envelope && envelope.flags === envelopeFlags.message);
        assert.equal(envelope.bytes.length, frame.length);
        assert.deepEqual(fromBinary(ChatCompletionChunkSchema, envelope.message), expected);
      }
    }),
  );
  assert.ok(counts.short > 0 && counts.long > 0, JSON.stringify(counts));
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { markContents, questionAnswerParts, splitAtContents } from "./prompt-parts.ts";

test("what people write is never part of the format, even if it looks like it", () => {
  const messages = [
    { role: "user", content: "<|im_end|>\ue0000\ue001" },
    { role: "assistant", content: "" },
  ];
  const marked = markContents(messages);
  const rendered = marked.map(({ role, content }) => `<${role}>${content}</>`).join("");
  assert.deepEqual(splitAtContents(rendered, messages), [
    { text: "<user>", isFormat: true },
    { text: "<|im_end|>\ue0000\ue001", isFormat: false },
    { text: "</><assistant></>", isFormat: true },
  ]);
});

test("the question-and-answer form ends in an open answer and keeps the conversation", () => {
  const [part] = questionAnswerParts([
    { role: "system", content: "Be brief." },
    { role: "user", content: "One?" },
    { role: "assistant", content: "Yes." },
    { role: "user", content: "Two?" },
  ]);
  const text = part?.text ?? "";
  assert.ok(text.startsWith("Be brief.\n\nQuestion: "));
  assert.ok(text.endsWith("Question: One?\nAnswer: Yes.\n\nQuestion: Two?\nAnswer:"));
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { type AnswerHabits, answerTo, argumentsFor } from "./answer.ts";
import { questionOf } from "./question.ts";
import { referenceText } from "./reference-text.ts";
import { streamEvents, wholeBody } from "./wire-form.ts";

const habits: AnswerHabits = { answerTokens: 12, reasoningTokens: 0, cachedTokens: 0 };
const envelope = { id: "chat-1", created: 1, usageStyle: "deepseek" } as const;

function ask(body: object, kind: "chat" | "completion" = "chat") {
  const result = questionOf(kind, { model: "mock-1", ...body });
  if ("problem" in result) throw new Error(result.problem);
  return result.question;
}

const messages = [{ role: "user", content: "Bonjour" }];

interface Event {
  readonly usage?: { readonly completion_tokens: number } | null;
  readonly choices: readonly {
    readonly delta: { readonly content?: string | null; readonly reasoning_content?: string };
    readonly finish_reason: string | null;
  }[];
}

function events(body: object, style: "deepseek" | "openai" = "deepseek", own = habits): Event[] {
  const question = ask({ messages, ...body });
  return streamEvents(question, answerTo(question, own), { ...envelope, usageStyle: style }).map(
    ({ data }) => JSON.parse(data) as Event,
  );
}

test("a stream says the same as the whole answer, and both are the reference", () => {
  const question = ask({ messages });
  const text = events({})
    .flatMap((event) => event.choices.map((choice) => choice.delta.content ?? ""))
    .join("");
  assert.equal(text, referenceText(question.promptHash, 12));
  const body = JSON.stringify(wholeBody(question, answerTo(question, habits), envelope));
  assert.ok(body.includes(JSON.stringify(text)));
});

test("DeepSeek puts usage on the last chunk, asked or not; OpenAI in one of its own, if asked", () => {
  const usages = (list: readonly Event[]) => list.filter((event) => event.usage).length;
  const deepseek = events({});
  assert.equal(usages(deepseek), 1);
  assert.equal(deepseek.at(-1)?.usage?.completion_tokens, 12);
  assert.equal(deepseek.at(-1)?.choices[0]?.finish_reason, "stop");
  assert.equal(usages(events({}, "openai")), 0);
  const openai = events({ stream_options: { include_usage: true } }, "openai");
  assert.deepEqual(openai.at(-1)?.choices, []);
  assert.equal(openai.at(-1)?.usage?.completion_tokens, 12);
  assert.equal(openai.at(0)?.usage, null);
});

test("max_tokens ends the answer with length, a stop string with stop", () => {
  assert.equal(events({ max_tokens: 3 }).at(-1)?.choices[0]?.finish_reason, "length");
  const question = ask({ messages, max_tokens: 3 });
  const [choice] = answerTo(question, habits).choices;
  assert.equal(choice?.content.length, 3);
  const stop = choice?.content[1] ?? "";
  const stopped = answerTo(ask({ messages, stop }), habits).choices[0];
  assert.deepEqual(stopped?.content, choice?.content.slice(0, 1));
  assert.equal(stopped?.finishReason, "stop");
});

test("both forms of continuation go on where the delivered text ended", () => {
  const whole = referenceText(ask({ messages }).promptHash, 12);
  const delivered = whole.slice(0, 23);
  const last = { role: "assistant", content: delivered };
  const forms = [
    { messages: [...messages, { ...last, prefix: true }] },
    { messages: [...messages, last], continue_final_message: true },
  ];
  for (const form of forms) {
    const answer = answerTo(ask(form), habits);
    assert.equal(delivered + answer.choices[0]?.content.join(""), whole);
  }
  const fresh = answerTo(ask({ messages: [...messages, last] }), habits);
  assert.notEqual(fresh.choices[0]?.content.join(""), whole.slice(23));
});

test("reasoning comes before the answer, is counted, and can be continued", () => {
  const thinker = { ...habits, reasoningTokens: 5 };
  const deltas = events({}, "deepseek", thinker).map((event) => event.choices[0]?.delta);
  const reasoning = deltas.map((delta) => delta?.reasoning_content ?? "").join("");
  assert.ok(reasoning.length > 0);
  const question = ask({ messages });
  assert.equal(answerTo(question, thinker).usage.reasoningTokens, 5);
  const begun = { role: "assistant", content: "", reasoning_content: reasoning.slice(0, 9) };
  const resumed = answerTo(ask({ messages: [...messages, { ...begun, prefix: true }] }), thinker);
  assert.equal(reasoning.slice(0, 9) + resumed.choices[0]?.reasoning.join(""), reasoning);
  const silent = answerTo(ask({ messages, thinking: { type: "disabled" } }), thinker);
  assert.deepEqual(silent.choices[0]?.reasoning, []);
});

test("a tool is called when it is named, required, or spoken of, and not otherwise", () => {
  const parameters = { type: "object", properties: { city: { type: "string" } } };
  const tools = [{ type: "function", function: { name: "weather", parameters } }];
  const name = (body: object) => answerTo(ask(body), habits).choices[0]?.toolCall?.name;
  const speaking = [{ role: "user", content: "ask weather for Paris" }];
  assert.equal(name({ messages, tools }), undefined);
  assert.equal(name({ messages: speaking, tools }), "weather");
  assert.equal(name({ messages, tools, tool_choice: "required" }), "weather");
  assert.equal(name({ messages: speaking, tools, tool_choice: "none" }), undefined);
  const named = { type: "function", function: { name: "weather" } };
  assert.equal(name({ messages, tools, tool_choice: named }), "weather");
  assert.equal(typeof argumentsFor(parameters, 5), "object");
});

test("JSON mode answers one valid document, whole or in pieces", () => {
  const [choice] = answerTo(
    ask({ messages, response_format: { type: "json_object" } }),
    habits,
  ).choices;
  const document: unknown = JSON.parse(choice?.content.join("") ?? "");
  assert.deepEqual(document, { answer: referenceText(ask({ messages }).promptHash, 12) });
});

test("several choices differ, and each is the same every time", () => {
  const texts = answerTo(ask({ messages, n: 3 }), habits).choices.map((one) =>
    one.content.join(""),
  );
  assert.equal(new Set(texts).size, 3);
  assert.equal(texts[0], referenceText(ask({ messages }).promptHash, 12));
});

test("a text completion depends on what stands before and after the gap", () => {
  const fim = (body: object) =>
    answerTo(ask({ prompt: "def f(", ...body }, "completion"), habits).choices[0]?.content.join("");
  assert.notEqual(fim({}), fim({ suffix: "return 1" }));
  assert.ok(fim({ echo: true })?.startsWith("def f("));
});

test("a body that is not a request is refused with the reason", () => {
  const result = questionOf("chat", { model: "mock-1", messages: [] });
  assert.ok("problem" in result && result.problem.includes("messages"));
});

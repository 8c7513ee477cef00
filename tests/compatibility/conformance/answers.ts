/** What comes of a request that is well. */
import assert from "node:assert/strict";
import { freshPrompt } from "../prompt.ts";
import type { Target } from "../target.ts";
import { both, type Case, quoted, recordOf } from "./case.ts";

export const answers: readonly Case[] = [
  {
    ...{ key: "words", modes: both, of: "all" },
    title: "the upstream's words, one end, usage that adds up, the price of a chat",
    run: async (one, target) => {
      const { content } = freshPrompt(24);
      const answer = await one.ask({ content, model: one.models.usual });
      assert.equal(answer.text, one.expected(content, 24));
      assert.match(answer.requestId, /^req_/);
      if (one.gives === "words") {
        assert.deepEqual(answer.finishReasons, ["stop"]);
        assert.equal(answer.usage?.completion, 24);
        const other = await one.plain({ content: freshPrompt(24).content });
        if (other.usage?.prompt === answer.usage?.prompt) {
          assert.equal(answer.usage?.cost, other.usage?.cost);
        }
      }
      assert.ok(Number(answer.usage?.cost) > 0);
      await assertTraced(target, answer.requestId);
      return quoted(answer.told);
    },
  },
  {
    ...{ key: "same", modes: ["stream"], of: "words" },
    title: "a stream equals a whole answer, to the last token and nano-unit of the ledger",
    run: async (one, target) => {
      const { content } = freshPrompt(40);
      const whole = await one.askWhole({ content });
      const streamed = await one.ask({ content });
      const { requestId, ...rest } = streamed;
      assert.deepEqual({ ...rest, requestId: whole.requestId }, whole);
      const records = [await recordOf(target, whole.requestId), await recordOf(target, requestId)];
      const charges = records.map(({ charged }) => Number(charged));
      assert.ok(Number(whole.usage?.cost) > 0);
      assert.deepEqual(charges, [Number(whole.usage?.cost), Number(streamed.usage?.cost)]);
      return "equal";
    },
  },
  {
    ...{ key: "tools", modes: both, of: "words" },
    title: "a tool is called by name, with arguments that parse",
    run: async (one) => {
      const answer = await one.ask({ content: freshPrompt().content, usesTool: true });
      assert.equal(answer.toolCalls.length, 1);
      assert.equal(answer.toolCalls[0]?.name, "weather");
      assert.equal(typeof JSON.parse(answer.toolCalls[0].arguments), "object");
      assert.deepEqual(answer.finishReasons, ["tool_calls"]);
      return quoted(answer.told);
    },
  },
  {
    ...{ key: "json", modes: both, of: "words" },
    title: "JSON mode gives a document",
    run: async (one) => {
      const content = `as json: ${freshPrompt().content}`;
      const answer = await one.ask({ content, isJson: true });
      assert.equal(typeof JSON.parse(answer.text), "object");
      return quoted(answer.told);
    },
  },
  {
    ...{ key: "reasoning", modes: both, of: "words" },
    title: "reasoning comes apart from the answer",
    run: async (one, target) => {
      const { content } = freshPrompt();
      const answer = await one.ask({ content, model: target.thinker });
      assert.ok(answer.reasoning.length > 0);
      assert.equal(answer.text, one.expected(content, 16));
      const reasoning = answer.usage?.reasoning;
      if (reasoning === undefined) return "apart; its tokens are not told apart";
      assert.equal(reasoning, 6);
      return "apart";
    },
  },
  {
    ...{ key: "length", modes: both, of: "words" },
    title: "the length limit ends an answer, and says so",
    run: async (one) => {
      const { content } = freshPrompt(60);
      const answer = await one.ask({ content, maxTokens: 5 });
      assert.deepEqual(answer.finishReasons, ["length"]);
      assert.equal(answer.usage?.completion, 5);
      assert.equal(answer.text, one.expected(content, 5));
      return quoted(answer.told);
    },
  },
];

/** The same twelve phases, to be read by the request's id. */
async function assertTraced(target: Target, requestId: string): Promise<void> {
  const { phases } = await recordOf(target, requestId);
  assert.equal(phases.length, 12);
  assert.equal(phases[0], "receive");
  assert.equal(phases[11], "answer");
}

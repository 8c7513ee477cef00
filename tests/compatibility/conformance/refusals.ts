/** What a request that may not be is told. */
import assert from "node:assert/strict";
import { freshPrompt } from "../prompt.ts";
import { both, type Case, refused } from "./case.ts";

const all = { modes: both, of: "all" } as const;

export const refusals: readonly Case[] = [
  {
    ...{ key: "unauthenticated", ...all },
    title: "an unknown key",
    run: async ({ ask, models }) => {
      const asked = ask({ content: "x", model: models.usual, key: "sk-not-a-key" });
      return (await refused(asked, "unauthenticated")).told;
    },
  },
  {
    ...{ key: "scope", ...all },
    title: "a key without the scope",
    run: async ({ ask, models }, target) => {
      const key = await target.makeKey({ scopes: ["models:read"] });
      const asked = ask({ content: "x", model: models.usual, key });
      return (await refused(asked, "permission_denied")).told;
    },
  },
  {
    ...{ key: "forbidden", ...all },
    title: "a model that the key may not use, which is as unknown as one that does not exist",
    run: async ({ ask, models }, target) => {
      const key = await target.makeKey({ models: [target.thinker] });
      const forbidden = ask({ content: "x", model: models.usual, key });
      const error = await refused(forbidden, "invalid_argument", "not_found");
      assert.match(error.message, new RegExp(models.usual));
      const unknown = ask({ content: "x", model: "no-such", key });
      const other = await refused(unknown, "invalid_argument", "not_found");
      assert.equal(error.told, other.told);
      assert.equal(error.message, other.message.replace("no-such", models.usual));
      return error.told;
    },
  },
  {
    ...{ key: "model", ...all },
    title: "an unknown model, which is named",
    run: async ({ ask }) => {
      const asked = ask({ content: "x", model: "no-such" });
      const error = await refused(asked, "invalid_argument", "not_found");
      assert.match(error.message, /no-such/);
      return error.told;
    },
  },
  {
    ...{ key: "range", ...all },
    title: "a value out of its range, which is named",
    run: async ({ ask, models }) => {
      const asked = ask({ content: "x", model: models.usual, isOutOfRange: true });
      const error = await refused(asked, "invalid_argument");
      assert.match(error.message, /temperature|dimensions|max_output_tokens/);
      return error.told;
    },
  },
  {
    ...{ key: "context", modes: both, of: "words" },
    title: "a prompt beyond the context",
    run: async ({ ask, models }) => {
      const content = "many words ".repeat(40_000);
      const error = await refused(ask({ content, model: models.usual }), "invalid_argument");
      assert.match(`${error.reason} ${error.message}`, /context|prompt is too long/);
      return error.told;
    },
  },
  {
    ...{ key: "rate", ...all },
    title: "too fast, with the time to come back",
    run: async ({ ask, models }, target) => {
      const key = await target.makeKey({ requestsPerMinute: 2 });
      const asks = async (): Promise<void> => {
        for (let call = 0; call < 6; call += 1) {
          await ask({ content: freshPrompt(4).content, model: models.usual, key });
        }
      };
      const error = await refused(asks(), "resource_exhausted");
      assert.match(error.reason, /rate_limit/);
      assert.ok((error.retryAfterMs ?? 0) > 0 && (error.retryAfterMs ?? 0) <= 60_000);
      return error.told;
    },
  },
  {
    ...{ key: "balance", ...all },
    title: "a budget or balance that is spent, and no hint to come back",
    run: async ({ ask, models }, target) => {
      const { content } = freshPrompt(4);
      const asked = ask({ content, model: models.usual, key: await target.spentKey() });
      const error = await refused(asked, "failed_precondition");
      assert.match(`${error.reason} ${error.message}`, /budget|spend_limit|billing/i);
      assert.equal(error.retryAfterMs, undefined);
      return error.told;
    },
  },
];

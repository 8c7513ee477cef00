import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { chargeFor, isFreePrice, mostFor, outputTokensFor, type TokenPrice } from "./charge.ts";
import { leastPromptTokens, likelyPromptTokens, reservedPromptTokens } from "./prompt-estimate.ts";
import { readUsage, writeUsage } from "./token-usage.ts";

const tokens = fc.nat({ max: 2_000_000 });
const nanos = fc.bigInt(0n, 10n ** 12n);
const price = fc.record({ inputNanos: nanos, cachedInputNanos: nanos, outputNanos: nanos });
const usage = fc
  .record({ inputTokens: tokens, cached: tokens, outputTokens: tokens, reasoning: tokens })
  .map(({ inputTokens, cached, outputTokens, reasoning }) => ({
    inputTokens,
    cachedInputTokens: Math.min(cached, inputTokens),
    outputTokens,
    reasoningTokens: Math.min(reasoning, outputTokens),
    isEstimated: false,
  }));

test("no usage within its tokens costs more than was reserved for them", () => {
  fc.assert(
    fc.property(usage, price, (used, at) => {
      const most = mostFor({ input: used.inputTokens, output: used.outputTokens }, at);
      assert.ok(chargeFor(used, at) <= most);
    }),
  );
});

test("the output tokens that money is said to cover, it covers, and one more it does not", () => {
  fc.assert(
    fc.property(nanos, tokens, price, (money, prompt, at) => {
      const output = outputTokensFor(money, prompt, at);
      if (output === 0 || output > 1e9) return;
      assert.ok(mostFor({ input: prompt, output }, at) <= money);
      assert.ok(mostFor({ input: prompt, output: output + 1 }, at) > money);
    }),
  );
});

test("a usage survives being written and read, in DeepSeek's fields and in OpenAI's", () => {
  fc.assert(
    fc.property(usage, (used) => {
      const written = JSON.parse(writeUsage(used, '"x_tandem":{"cost":"0.1"}'));
      assert.deepEqual(readUsage(written), used);
      assert.equal(written.prompt_cache_hit_tokens, used.cachedInputTokens);
      assert.equal(
        written.prompt_cache_hit_tokens + written.prompt_cache_miss_tokens,
        written.prompt_tokens,
      );
      assert.equal(written.prompt_tokens_details.cached_tokens, used.cachedInputTokens);
      assert.equal(written.x_tandem.cost, "0.1");
    }),
  );
});

test("what is no usage is not taken for one, and a lie is bounded", () => {
  for (const value of [null, 5, {}, { prompt_tokens: "5" }, { prompt_tokens: -1 }]) {
    assert.equal(readUsage(value), undefined);
  }
  assert.equal(readUsage({ prompt_tokens: 1e300 }), undefined);
  const greedy = readUsage({
    prompt_tokens: 5,
    completion_tokens: 2,
    prompt_cache_hit_tokens: 900,
    completion_tokens_details: { reasoning_tokens: 9 },
  });
  assert.equal(greedy?.cachedInputTokens, 5);
  assert.equal(greedy.reasoningTokens, 2);
});

test("a charge is exact to the nano: DeepSeek's flash, a million tokens each", () => {
  const flash: TokenPrice = {
    inputNanos: 150_000_000n,
    cachedInputNanos: 3_000_000n,
    outputNanos: 600_000_000n,
  };
  const used = {
    inputTokens: 2_000_000,
    cachedInputTokens: 1_000_000,
    outputTokens: 1_000_000,
    reasoningTokens: 0,
    isEstimated: false,
  };
  assert.equal(chargeFor(used, flash), 753_000_000n);
  assert.equal(
    chargeFor({ ...used, inputTokens: 1, cachedInputTokens: 1, outputTokens: 0 }, flash),
    3n,
  );
  assert.ok(!isFreePrice(flash));
  assert.ok(isFreePrice({ inputNanos: 0n, cachedInputNanos: 0n, outputNanos: 0n }));
});

test("estimates are ordered: what is refused < what is likely < what is reserved", () => {
  fc.assert(
    fc.property(fc.nat({ max: 10_000_000 }), fc.nat({ max: 100 }), (textBytes, images) => {
      const size = { textBytes, images };
      assert.ok(leastPromptTokens(size) <= likelyPromptTokens(size));
      assert.ok(likelyPromptTokens(size) <= reservedPromptTokens(size));
    }),
  );
});

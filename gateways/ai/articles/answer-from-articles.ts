import { assert } from "@tandem/libs/kernel";
import type { Call } from "../call.ts";
import { articlesUpstream } from "../core/catalogue/extractive.ts";
import { questionOf } from "../core/context/insert-context.ts";
import { quotedAnswer } from "../core/context/quoted-answer.ts";
import { likelyPromptTokens, likelyTextTokens } from "../core/money/prompt-estimate.ts";
import { readWholeAnswer } from "../core/whole/whole-reader.ts";
import { aiFaults } from "../faults.ts";
import type { AiParts } from "../parts.ts";
import { messagesOf } from "../phases/prepare-context.ts";

/**
 * The answer of a model that is none: what the articles say to the last question, read with the
 * rights of the caller's key, as a whole answer that is told as a stream where one was asked for.
 * Counted and paid for like any other. Throws `ai.articles_unavailable`: nothing is made up.
 */
export async function answerFromArticles(call: Call, parts: AiParts): Promise<void> {
  const { world, articles } = parts;
  const startMs = world.clock.monotonicMs();
  const attempt = {
    ...{ upstream: articlesUpstream, model: call.model.id, status: 0, failure: "" },
    ...{ startMs: startMs - call.trace.startedMs, durationMs: 0, firstTokenMs: 0 },
  };
  call.attempts.push(attempt);
  const query = call.request.articles?.query.trim() || questionOf(messagesOf(call.request));
  const found = await articles.answer(call.identity, {
    requestId: call.requestId,
    query,
    language: call.request.articles?.language ?? "",
  });
  attempt.durationMs = world.clock.monotonicMs() - startMs;
  if (found === undefined) {
    attempt.failure = "unreachable";
    throw aiFaults.articles_unavailable({ retryAfterMs: 1_000 });
  }
  attempt.status = 200;
  if (found.isDegraded) call.mark("articles");
  const { text, finishReason, cited } = quotedAnswer(found.quotes, call.tokensMax);
  const citations = cited.flatMap((hit, index) => {
    const citation = found.citations[hit - 1];
    return citation === undefined ? [] : [{ ...citation, number: index + 1 }];
  });
  call.articles = { citations, messagesJson: "", tokens: 0 };
  const whole = readWholeAnswer(Buffer.from(answerBody(call, { text, finishReason, parts })));
  assert("document" in whole, "what is written here can be read");
  call.whole = whole;
  call.isReplayed = call.request.isStream;
}

function answerBody(
  call: Call,
  given: { readonly text: string; readonly finishReason: string; readonly parts: AiParts },
): string {
  const { text, finishReason, parts } = given;
  const input = likelyPromptTokens(call.request.prompt);
  const output = likelyTextTokens(Buffer.byteLength(text));
  return JSON.stringify({
    id: `chatcmpl-${call.requestId}`,
    object: "chat.completion",
    created: Math.floor(parts.world.clock.nowMs() / 1_000),
    model: call.model.id,
    choices: [
      {
        ...{ index: 0, logprobs: null, finish_reason: finishReason },
        message: { role: "assistant", content: text },
      },
    ],
    usage: { prompt_tokens: input, completion_tokens: output, total_tokens: input + output },
  });
}

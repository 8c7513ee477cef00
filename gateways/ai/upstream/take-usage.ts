import type { Call } from "../call.ts";
import { likelyPromptTokens, likelyTextTokens } from "../core/money/prompt-estimate.ts";
import type { TokenUsage } from "../core/money/token-usage.ts";
import { tokensOf } from "../core/splice/splice-tally.ts";
import { assembleAnswer } from "../core/stream/assemble-answer.ts";
import { choiceBytes } from "../core/whole/whole-reader.ts";

/**
 * What was used: as the upstream counted, else as we can judge it. A stream that broke or was left
 * is counted by what the client got of it (billed as delivered).
 */
export function takeUsage(call: Call): void {
  const isDelivered = call.fault === undefined && call.outcome === "complete";
  if (!isDelivered && call.sent.pieces === 0) return;
  if (call.splice?.usage !== undefined) {
    call.usage = call.splice.usage;
    return;
  }
  const told = call.whole?.usage ?? call.embeddings?.usage ?? call.reader?.usage;
  if (told !== undefined) call.usage = told;
  else if (call.whole !== undefined || call.embeddings !== undefined || call.sent.pieces > 0) {
    call.usage = estimateUsage(call);
  }
}

function estimateUsage(call: Call): TokenUsage {
  const { prompt } = call.request;
  const inputTokens = call.preparedTokens ?? likelyPromptTokens(prompt);
  return {
    inputTokens,
    cachedInputTokens: 0,
    outputTokens: generatedTokens(call),
    reasoningTokens: 0,
    isEstimated: true,
  };
}

/** Counted as where a stream is gone on with: the same answer costs the same, whoever breaks. */
function generatedTokens({ whole, sent }: Call): number {
  if (whole !== undefined) return likelyTextTokens(choiceBytes(whole));
  if (sent.pieces === 0) return 0;
  const { choices } = assembleAnswer(sent.bytes);
  const tokens = choices.reduce((sum, choice) => sum + tokensOf(choice), 0);
  // Beyond what is remembered, text is about half of what goes over the wire.
  const beyond = (sent.totalBytes - sent.bytes.length) / 2;
  return sent.isWhole ? tokens : tokens + likelyTextTokens(beyond);
}

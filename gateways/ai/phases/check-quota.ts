import type { Phase } from "@tandem/libs/gateway";
import { assert } from "@tandem/libs/kernel";
import type { Call } from "../call.ts";
import { answerTokensDefault, defaultTokens } from "../core/money/answer-tokens.ts";
import { type ModelPrice, mostFor, outputTokensFor } from "../core/money/charge.ts";
import { likelyPromptTokens, reservedPromptTokens } from "../core/money/prompt-estimate.ts";
import { aiFaults } from "../faults.ts";
import type { Passage } from "../limits/organisation-limits.ts";
import { servingPrice } from "../money/serving-price.ts";
import type { Reservation } from "../money/wallet-line.ts";
import type { AiParts } from "../parts.ts";

/** With less room than this for an answer, a request that set no limit is not worth its prompt. */
const answerTokensMin = 256;

/**
 * 5 check quota: limits first, then money for the most this request can cost. Both are leased, so
 * nobody is asked in the steady path. What is sent upstream is capped by what was reserved: no
 * budget can be overspent.
 */
export function checkQuotaPhase(parts: AiParts): Phase<Call> {
  return {
    name: "check_quota",
    throws: [
      "ai.rate_limited",
      "ai.no_credit",
      "ai.budget_reached",
      "ai.wallet_unavailable",
      "ai.not_recordable",
      "ai.model_unpriced",
    ],
    isRepeatable: true,
    run(call) {
      assert(call.payer !== undefined, "the caller was authenticated");
      // It was admitted by the replica that was lost, and counts once; its place is held from here.
      if (call.handOver !== undefined) {
        call.heldPlaces = parts.limits.goOn(call.payer);
        return checkMoney(call, parts, undefined);
      }
      const tokens = likelyPromptTokens(call.request.prompt) + likelyAnswerTokens(call);
      const passage = parts.limits.admit(call.payer, { tokens });
      return passage instanceof Promise
        ? passage.then((admitted) => checkMoney(call, parts, admitted))
        : checkMoney(call, parts, passage);
    },
  };
}

/** For limits of tokens: what was asked for, or what answers usually take. */
function likelyAnswerTokens({ request }: Call): number {
  if (request.endpoint === "embeddings") return 0;
  return (request.maxTokens ?? answerTokensDefault) * request.choices;
}

function checkMoney(
  call: Call,
  parts: AiParts,
  passage: Passage | undefined,
): "done" | Promise<"done"> {
  call.passage = passage;
  if (passage?.isDegraded) call.mark("limits");
  const price = servingPrice(call.model, parts);
  call.price = price;
  const tokensMax = defaultTokens(call.request, call.model);
  if (price === undefined || price.isFree) {
    call.tokensMax = call.request.maxTokens;
    return "done";
  }
  if (parts.settler.isFull) throw aiFaults.not_recordable({ retryAfterMs: 5_000 });
  return reserve(call, parts, { price, tokensMax });
}

function reserve(
  call: Call,
  parts: AiParts,
  { price, tokensMax }: { readonly price: ModelPrice; readonly tokensMax: number },
): "done" | Promise<"done"> {
  assert(call.payer !== undefined, "the caller was authenticated");
  const { request } = call;
  const input = reservedPromptTokens(request.prompt);
  const mostAt = (output: number): bigint =>
    mostFor({ input, output: output * request.choices }, price.charged);
  const isFixed = request.maxTokens !== undefined || request.endpoint === "embeddings";
  const wantedNanos = mostAt(tokensMax);
  const leastNanos =
    isFixed || tokensMax <= answerTokensMin ? wantedNanos : mostAt(answerTokensMin);
  const hold = (reservation: Reservation): "done" => {
    call.reservation = reservation;
    call.tokensMax = tokensMax;
    if (reservation.nanos < wantedNanos) {
      const covered = outputTokensFor(reservation.nanos, input, price.charged);
      call.tokensMax = Math.min(tokensMax, Math.floor(covered / request.choices));
    }
    return "done";
  };
  const reserving = parts.wallets.reserve(call.payer, { wantedNanos, leastNanos });
  return reserving instanceof Promise ? reserving.then(hold) : hold(reserving);
}

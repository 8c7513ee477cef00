import type { Phase } from "@tandem/libs/gateway";
import { assert, Fault } from "@tandem/libs/kernel";
import { addArticles, retrieveFor } from "../articles/add-articles.ts";
import { wishOf } from "../articles/wish-of.ts";
import type { Call } from "../call.ts";
import { withSystemRoles } from "../core/context/insert-context.ts";
import { nowhere } from "../core/json-document.ts";
import { mostFor } from "../core/money/charge.ts";
import {
  leastPromptTokens,
  likelyTextTokens,
  reservedPromptTokens,
} from "../core/money/prompt-estimate.ts";
import type { ArticlesWish } from "../core/request/articles-wish.ts";
import type { GenerationRequest } from "../core/request/generation-request.ts";
import { aiFaults } from "../faults.ts";
import type { AiParts } from "../parts.ts";

/** Room for an answer that a conversation's history must leave. */
const answerShare = 4;
const budgetDefault = 8_192;

/**
 * 7 prepare context: a prompt that cannot fit is refused; a request of a conversation gets its
 * history from the chat service, trimmed to the model; one that wants articles gets passages of
 * them, or goes on without, marked. Other requests are sent as they are.
 */
export function prepareContextPhase(parts: AiParts): Phase<Call> {
  return {
    name: "prepare_context",
    throws: [
      "ai.context_too_long",
      "ai.conversations_unavailable",
      "ai.not_found",
      "ai.no_credit",
      "ai.budget_reached",
      "ai.wallet_unavailable",
      "ai.previous_response_not_found",
      "ai.previous_response_open",
      "ai.responses_unavailable",
      "ai.contradictory_request",
    ],
    isRepeatable: true,
    run(call) {
      const { contextTokens } = call.model;
      const least = leastPromptTokens(call.request.prompt);
      if (contextTokens > 0 && least >= contextTokens) {
        throw aiFaults.context_too_long({
          publicMessage:
            `This model's maximum context length is ${contextTokens} tokens, and the prompt has ` +
            `at least ${least}. Shorten it, or use a model with a longer context.`,
        });
      }
      const wish = wishOf(call, parts);
      const isAlone = call.request.conversationId === "" && !hasPrevious(call);
      if (isAlone && wish === undefined) return "skipped";
      return prepare(call, parts, wish);
    },
  };
}

async function prepare(
  call: Call,
  parts: AiParts,
  wish: ArticlesWish | undefined,
): Promise<"done"> {
  const own = messagesOf(call.request);
  const searching = wish && retrieveFor(call, parts, { wish, messageJsons: own });
  const turn = await turnOf(call, parts, own);
  if (searching !== undefined) addArticles(call, { found: await searching, messageJsons: turn });
  await reserveContext(call, parts);
  return "done";
}

function hasPrevious({ keeping }: Call): boolean {
  return keeping !== undefined && keeping.previousId !== "";
}

/** The messages with what was said before them, if anything was. */
async function turnOf(
  call: Call,
  parts: AiParts,
  own: readonly string[],
): Promise<readonly string[]> {
  if (hasPrevious(call)) return goOnFrom(call, parts, own);
  return call.request.conversationId === "" ? own : prepareTurn(call, parts, own);
}

/** What was said before, as it was kept with the response that is named. */
async function goOnFrom(
  call: Call,
  parts: AiParts,
  own: readonly string[],
): Promise<readonly string[]> {
  const { request, keeping, identity } = call;
  assert(keeping !== undefined, "there is a response to go on from");
  if (request.conversationId !== "") {
    throw aiFaults.contradictory_request({
      publicMessage: "`conversation` and `previous_response_id` exclude each other.",
      context: { parameter: "previous_response_id" },
    });
  }
  const kept = await parts.responses.find(identity, keeping.previousId).catch((error: unknown) => {
    const { message: detail } = Fault.from(error);
    throw aiFaults.responses_unavailable({ detail, retryAfterMs: 1_000, cause: error });
  });
  if (kept === undefined) {
    throw aiFaults.previous_response_not_found({ context: { parameter: "previous_response_id" } });
  }
  if (kept.isOpen) {
    throw aiFaults.previous_response_open({ context: { parameter: "previous_response_id" } });
  }
  const standing = own.slice(0, keeping.instructions);
  const now = own.slice(keeping.instructions);
  const messageJsons = withSystemRoles([...standing, ...kept.messageJsons, ...now]);
  const messagesJson = `[${messageJsons.join(",")}]`;
  const promptTokens = likelyTextTokens(Buffer.byteLength(messagesJson));
  call.previousJsons = kept.messageJsons;
  call.turn = { id: "", messageJsons: now, messagesJson, promptTokens };
  return messageJsons;
}

/** The messages with their conversation's history. */
async function prepareTurn(
  call: Call,
  parts: AiParts,
  messageJsons: readonly string[],
): Promise<readonly string[]> {
  const { request, model, identity } = call;
  const context = model.contextTokens > 0 ? model.contextTokens : budgetDefault;
  const answer = Math.min(call.tokensMax ?? request.maxTokens ?? context, context / answerShare);
  try {
    const prepared = await parts.conversations.prepare(identity, {
      requestId: call.requestId,
      conversationId: request.conversationId,
      messageJsons,
      budgetTokens: Math.floor(context - answer),
    });
    call.turn = {
      id: request.conversationId,
      messageJsons,
      messagesJson: `[${prepared.messageJsons.join(",")}]`,
      promptTokens: prepared.promptTokens,
    };
    return prepared.messageJsons;
  } catch (error) {
    throw conversationFault(error);
  }
}

/** A context makes the prompt longer than what was reserved for: the rest is reserved now. */
async function reserveContext(call: Call, parts: AiParts): Promise<void> {
  const { price, reservation, payer, turn, articles } = call;
  if (price === undefined || reservation === undefined || payer === undefined) return;
  const output = (call.tokensMax ?? 0) * call.request.choices;
  // Counted by the chat service, with a fifth on top for templates and other vocabularies.
  const counted = turn && Math.ceil(turn.promptTokens * 1.2);
  const own = counted ?? reservedPromptTokens(call.request.prompt);
  const input = own + (articles?.tokens ?? 0);
  const needed = mostFor({ input, output }, price.charged);
  if (needed <= reservation.nanos) return;
  reservation.lease.finish(reservation.nanos, 0n);
  call.reservation = undefined;
  call.reservation = await parts.wallets.reserve(payer, {
    wantedNanos: needed,
    leastNanos: needed,
  });
}

/** The messages of a request, each as JSON. */
export function messagesOf({ document }: GenerationRequest): string[] {
  const messages = document.member(document.root, "messages");
  const jsons: string[] = [];
  let message = document.firstChild(messages);
  while (message !== nowhere) {
    jsons.push(document.raw(message));
    message = document.nextChild(messages, message);
  }
  return jsons;
}

function conversationFault(error: unknown): Fault {
  const fault = Fault.from(error);
  if (fault.code === "not_found" || fault.code === "permission_denied") {
    return aiFaults.not_found({ context: { parameter: "conversation_id" } });
  }
  if (fault.code === "out_of_range" || fault.code === "invalid_argument") {
    return aiFaults.context_too_long({ detail: fault.message });
  }
  return aiFaults.conversations_unavailable({ detail: fault.message, cause: error });
}

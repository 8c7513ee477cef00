import type { Phase } from "@tandem/libs/gateway";
import { Fault } from "@tandem/libs/kernel";
import type { Call } from "../call.ts";
import { nowhere } from "../core/json-document.ts";
import { mostFor } from "../core/money/charge.ts";
import { leastPromptTokens } from "../core/money/prompt-estimate.ts";
import type { GenerationRequest } from "../core/request/generation-request.ts";
import { aiFaults } from "../faults.ts";
import type { AiParts } from "../parts.ts";

/** Room for an answer that a conversation's history must leave. */
const answerShare = 4;
const budgetDefault = 8_192;

/**
 * 7 prepare context: a prompt that cannot fit is refused; a request of a conversation gets its
 * history from the chat service, trimmed to the model. Other requests are sent as they are.
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
      return call.request.conversationId === "" ? "skipped" : prepareTurn(call, parts);
    },
  };
}

async function prepareTurn(call: Call, parts: AiParts): Promise<"done"> {
  const { request, model, identity } = call;
  const messageJsons = messagesOf(request);
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
  } catch (error) {
    throw conversationFault(error);
  }
  await reserveHistory(call, parts);
  return "done";
}

/** History makes the prompt longer than what was reserved for: the rest is reserved now. */
async function reserveHistory(call: Call, parts: AiParts): Promise<void> {
  const { price, reservation, payer, turn } = call;
  if (price === undefined || reservation === undefined || payer === undefined) return;
  const output = (call.tokensMax ?? 0) * call.request.choices;
  // Counted by the chat service, with a fifth on top for templates and other vocabularies.
  const input = Math.ceil((turn?.promptTokens ?? 0) * 1.2);
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

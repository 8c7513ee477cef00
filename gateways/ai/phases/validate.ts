import type { Phase } from "@tandem/libs/gateway";
import { assert, type Fault } from "@tandem/libs/kernel";
import { checkPriorityField } from "../admission.ts";
import type { Call } from "../call.ts";
import { articlesOff, articlesOn } from "../core/request/articles-wish.ts";
import {
  type GenerationRequest,
  isProblem,
  type RequestProblem,
} from "../core/request/generation-request.ts";
import { aiFaults } from "../faults.ts";
import { resumeAnswer } from "../hand-over/take-over.ts";

const conversationId = /^conv_[0-9a-z]{26}$/;

/**
 * 2 validate: is the body a request, with every parameter in its range? It is read once, and what
 * is read of it is the canonical form, whatever dialect it came in.
 */
export const validatePhase: Phase<Call> = {
  name: "validate",
  throws: [
    "ai.malformed_body",
    "ai.invalid_parameter",
    "ai.contradictory_request",
    "ai.stream_broken",
  ],
  isRepeatable: true,
  run(call) {
    assert(call.body !== undefined, "the body was received");
    checkPriorityField(call);
    const read = call.dialect.read(call.body, call);
    if (isProblem(read)) throw problemFault(read);
    const { request, form, ignored, keeping } = read;
    call.request = withArticles(call, withConversation(call, request));
    call.body = undefined;
    call.ignored = ignored;
    call.keeping = keeping;
    call.answer.expect({ isStream: request.isStream, form });
    if (request.isStream) {
      call.request = { ...call.request, document: request.document.compact() };
    }
    resumeAnswer(call);
    return "done";
  },
};

export function problemFault({ problem, parameter, message }: RequestProblem): Fault {
  const details = { publicMessage: message, context: { parameter } };
  if (problem === "malformed") return aiFaults.malformed_body(details);
  return problem === "invalid"
    ? aiFaults.invalid_parameter(details)
    : aiFaults.contradictory_request(details);
}

/** A conversation may be named in a field instead of the body, for clients that check theirs. */
function withConversation(call: Call, request: GenerationRequest): GenerationRequest {
  const named = call.exchange.head.headers.get("x-tandem-conversation");
  if (named === undefined || request.conversationId !== "") return request;
  if (call.endpoint !== "chat" || !conversationId.test(named)) {
    throw aiFaults.invalid_parameter({
      publicMessage: "Invalid `x-tandem-conversation`: it must be the id of a conversation.",
      context: { parameter: "x-tandem-conversation" },
    });
  }
  return { ...request, conversationId: named };
}

/** Articles may be asked for in a field as well, for clients that check their bodies. */
function withArticles(call: Call, request: GenerationRequest): GenerationRequest {
  const named = call.exchange.head.headers.get("x-tandem-articles");
  if (named === undefined || request.articles !== undefined) return request;
  const isKnown = named === "on" || named === "off";
  if (call.endpoint !== "chat" || !isKnown) {
    throw aiFaults.invalid_parameter({
      publicMessage: "Invalid `x-tandem-articles`: it must be on or off, and goes with chats.",
      context: { parameter: "x-tandem-articles" },
    });
  }
  return { ...request, articles: named === "on" ? articlesOn : articlesOff };
}

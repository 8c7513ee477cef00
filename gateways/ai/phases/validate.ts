import type { Phase } from "@tandem/libs/gateway";
import { assert, type Fault } from "@tandem/libs/kernel";
import type { Call } from "../call.ts";
import { readChatRequest } from "../core/request/chat-request.ts";
import { readCompletionRequest } from "../core/request/completion-request.ts";
import { readEmbeddingRequest } from "../core/request/embedding-request.ts";
import {
  type Endpoint,
  type GenerationRequest,
  isProblem,
  type RequestProblem,
} from "../core/request/generation-request.ts";
import { aiFaults } from "../faults.ts";

const readers: Readonly<Record<Endpoint, (body: Buffer) => GenerationRequest | RequestProblem>> = {
  chat: readChatRequest,
  completions: readCompletionRequest,
  embeddings: readEmbeddingRequest,
};

const conversationId = /^conv_[0-9a-z]{26}$/;

/** 2 validate: is the body a request, with every parameter in its range? It is read once. */
export const validatePhase: Phase<Call> = {
  name: "validate",
  throws: ["ai.malformed_body", "ai.invalid_parameter", "ai.contradictory_request"],
  isRepeatable: true,
  run(call) {
    assert(call.body !== undefined, "the body was received");
    const request = readers[call.endpoint](call.body);
    if (isProblem(request)) throw problemFault(request);
    call.request = withConversation(call, request);
    call.body = undefined;
    if (request.isStream) {
      call.answer.expectStream();
      call.request = { ...call.request, document: request.document.compact() };
    }
    return "done";
  },
};

function problemFault({ problem, parameter, message }: RequestProblem): Fault {
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

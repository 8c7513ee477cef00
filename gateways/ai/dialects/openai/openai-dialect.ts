import { readChatRequest } from "../../core/request/chat-request.ts";
import { readCompletionRequest } from "../../core/request/completion-request.ts";
import { readEmbeddingRequest } from "../../core/request/embedding-request.ts";
import {
  type Endpoint,
  type GenerationRequest,
  isProblem,
  type RequestProblem,
} from "../../core/request/generation-request.ts";
import { rateLimitFields, refusedLimitFields } from "../../limits/rate-limit-fields.ts";
import type { Dialect } from "../dialect.ts";
import { errorBody, retryFields } from "./error-body.ts";

const readers: Readonly<Record<Endpoint, (body: Buffer) => GenerationRequest | RequestProblem>> = {
  chat: readChatRequest,
  completions: readCompletionRequest,
  embeddings: readEmbeddingRequest,
};

const none: readonly never[] = [];

/** OpenAI's API with DeepSeek's extras: the canonical form itself, so nothing is translated. */
export const openaiDialect: Dialect = {
  name: "openai",
  read(body, { endpoint }) {
    const request = readers[endpoint](body);
    return isProblem(request) ? request : { request, form: undefined, ignored: none };
  },
  readSent: (sent) => sent,
  keepAlive: { inStream: ": keep-alive\n\n", beforeWhole: "\n" },
  statusOf: (_fault, status) => status,
  errorBody,
  errorEvent: (fault, requestId) => `data: ${errorBody(fault, requestId)}\n\n`,
  retryFields,
  limitFields: (limits, { nowMs }) => rateLimitFields(limits, nowMs),
  refusedLimitFields,
  callerFields: () => none,
};

import { likelyPromptTokens } from "../../core/money/prompt-estimate.ts";
import { isProblem } from "../../core/request/generation-request.ts";
import { AnthropicStream } from "../../upstream/anthropic/read-stream.ts";
import type { Dialect } from "../dialect.ts";
import { retryFields } from "../openai/error-body.ts";
import { anthropicErrorBody, anthropicErrorEvent, anthropicStatus } from "./error-body.ts";
import { anthropicLimitFields, anthropicRefusedLimitFields } from "./limit-fields.ts";
import { MessageForm } from "./message-form.ts";
import { readMessagesRequest } from "./read-request.ts";

/** Anthropic's Messages API, in front of any upstream. */
export const anthropicDialect: Dialect = {
  name: "anthropic",
  read(body) {
    const read = readMessagesRequest(body);
    if (isProblem(read)) return read;
    const { request, ignored, stopSequences } = read;
    const promptTokens = likelyPromptTokens(request.prompt);
    return { request, ignored, form: new MessageForm({ stopSequences, promptTokens }) };
  },
  readSent: (sent) => new AnthropicStream(0).push(sent),
  keepAlive: { inStream: 'event: ping\ndata: {"type":"ping"}\n\n', beforeWhole: "\n" },
  statusOf: anthropicStatus,
  errorBody: anthropicErrorBody,
  errorEvent: anthropicErrorEvent,
  retryFields,
  limitFields: anthropicLimitFields,
  refusedLimitFields: anthropicRefusedLimitFields,
  callerFields: (organisationId) => [["anthropic-organization-id", organisationId]],
};

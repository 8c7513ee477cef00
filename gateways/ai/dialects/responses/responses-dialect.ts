import { isProblem } from "../../core/request/generation-request.ts";
import type { Dialect } from "../dialect.ts";
import { errorBody } from "../openai/error-body.ts";
import { openaiDialect } from "../openai/openai-dialect.ts";
import { readResponsesRequest } from "./read-request.ts";
import { readSentResponse } from "./read-sent.ts";
import { ResponseForm } from "./response-form.ts";

/** OpenAI's Responses API, in front of any upstream. Its errors are OpenAI's. */
export const responsesDialect: Dialect = {
  ...openaiDialect,
  name: "responses",
  read(body, { requestId }) {
    const read = readResponsesRequest(body);
    if (isProblem(read)) return read;
    const { request, ignored, previousId, isStored, isBackground, items, instructions } = read;
    const envelope = {
      id: responseIdOf(requestId),
      echo: read.echo,
      toolNames: read.toolNames,
      isBackground,
    };
    const form = new ResponseForm(envelope);
    const told = (canonical: string): string => form.whole(canonical);
    return {
      ...{ request, ignored, form },
      keeping: { id: envelope.id, previousId, isStored, isBackground, items, instructions, told },
    };
  },
  readSent: readSentResponse,
  errorEvent(fault, requestId) {
    const { error } = JSON.parse(errorBody(fault, requestId)) as { error: object };
    return `event: error\ndata: ${JSON.stringify({ type: "error", sequence_number: 0, ...error })}\n\n`;
  },
};

/** One id for a request and its response, told apart by their prefixes. */
export function responseIdOf(requestId: string): string {
  return requestId.replace(/^req_/, "resp_");
}

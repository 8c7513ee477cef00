import { Fault } from "@tandem/libs/kernel";
import { autoName } from "../core/catalogue/catalogue.ts";
import { isProblem } from "../core/request/generation-request.ts";
import { readMessagesRequest } from "../dialects/anthropic/read-request.ts";
import { aiFaults } from "../faults.ts";
import { messagesOf } from "../phases/prepare-context.ts";
import { problemFault } from "../phases/validate.ts";
import { usableModel } from "./models.ts";
import type { Read } from "./read.ts";

const deadlineMs = 10_000;

/**
 * `POST /v1/messages/count_tokens`: counted by a real vocabulary, in the chat service, since it
 * takes milliseconds that no request beside it should wait. Costs nothing, as with Anthropic.
 */
export const countTokensRead: Read = {
  methods: ["POST"],
  async answer({ exchange, parts, identity, requestId }) {
    if (!identity.scopes.has("inference")) {
      throw aiFaults.scope_missing({ context: { scope: "inference" } });
    }
    if (!identity.mayUseEndpoint("chat")) throw aiFaults.endpoint_not_allowed();
    const body = await exchange.readBody(parts.config.bodyLimitBytes);
    const read = readMessagesRequest(body, { isCount: true });
    if (isProblem(read)) throw problemFault(read);
    const { request } = read;
    if (request.model !== autoName) usableModel(request.model, { parts, identity });
    const { document } = request;
    const tools = document.member(document.root, "tools");
    const messageJsons = messagesOf(request);
    if (tools >= 0) {
      messageJsons.push(JSON.stringify({ role: "user", content: document.raw(tools) }));
    }
    try {
      const { promptTokens } = await parts.chat.prepare(
        { organisationId: identity.claims.organisationId, messageJsons, budgetTokens: 0 },
        { deadlineMs, caller: identity.claims, requestId },
      );
      const images = request.prompt.images * tokensPerImage;
      return JSON.stringify({ input_tokens: promptTokens + images });
    } catch (error) {
      const { message: detail } = Fault.from(error);
      throw aiFaults.counting_unavailable({ detail, retryAfterMs: 1_000, cause: error });
    }
  },
};

/** What Anthropic says that an image of a usual size takes. */
const tokensPerImage = 1_600;

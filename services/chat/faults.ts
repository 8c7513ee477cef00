import { defineFaults } from "@tandem/libs/kernel";

export const chatFaults = defineFaults("chat", {
  conversation_not_found: {
    code: "not_found",
    blame: "client",
    retry: "never",
    publicMessage: "There is no conversation with this id.",
  },
  conversation_full: {
    code: "failed_precondition",
    blame: "client",
    retry: "never",
    publicMessage: "The conversation holds as many messages as it may. Begin another one.",
    httpStatus: 409,
  },
  context_length_exceeded: {
    code: "invalid_argument",
    blame: "client",
    retry: "never",
    publicMessage: "The messages are longer than the model's context, even without any history.",
  },
  malformed_message: {
    code: "invalid_argument",
    blame: "client",
    retry: "never",
    publicMessage: "A message is an object with a role and a content.",
  },
  no_organisation: {
    code: "permission_denied",
    blame: "client",
    retry: "never",
    publicMessage: "A conversation belongs to an organisation, and is used within it.",
  },
});

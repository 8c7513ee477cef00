import { defineFaults } from "@tandem/libs/kernel";

export const routerFaults = defineFaults("router", {
  no_route: {
    code: "not_found",
    blame: "client",
    retry: "never",
    publicMessage: "Nothing is served at this path. Check the base URL of your client.",
  },
  method_not_allowed: {
    code: "unimplemented",
    blame: "client",
    retry: "never",
    httpStatus: 405,
    publicMessage: "This path does not serve this method.",
  },
  origin_refused: {
    code: "permission_denied",
    blame: "client",
    retry: "never",
    publicMessage:
      "Pages of this origin may not call this API from a browser. " +
      "Whoever runs it allows origins in `router.cors_origins`.",
  },
  body_too_large: {
    code: "invalid_argument",
    blame: "client",
    retry: "never",
    httpStatus: 413,
    publicMessage: "The body of the request is too large. Send less at once.",
  },
  overloaded: {
    code: "unavailable",
    blame: "capacity",
    retry: "after_delay",
    publicMessage: "Too many requests are under way. Try again in a moment.",
  },
  gateway_unavailable: {
    code: "unavailable",
    blame: "platform",
    retry: "after_delay",
    publicMessage: "This part of the platform is not available at the moment. Try again shortly.",
  },
  gateway_lost: {
    code: "unavailable",
    blame: "platform",
    retry: "never",
    httpStatus: 502,
    publicMessage:
      "The connection broke after the request was passed on, so it may have taken effect. " +
      "Check before you repeat it, or send an Idempotency-Key.",
  },
  answer_broken: {
    code: "unavailable",
    blame: "platform",
    retry: "never",
    httpStatus: 502,
    publicMessage: "The answer broke off. What came of it is incomplete.",
  },
  no_operation: {
    code: "unimplemented",
    blame: "client",
    retry: "never",
    publicMessage: "There is no such operation. Reflection lists what there is.",
  },
  malformed_message: {
    code: "invalid_argument",
    blame: "client",
    retry: "never",
    publicMessage: "The message is not of the operation's form.",
  },
  no_such_service: {
    code: "not_found",
    blame: "client",
    retry: "never",
    publicMessage: "There is no such service here.",
  },
  grpc_only: {
    code: "unimplemented",
    blame: "client",
    retry: "never",
    httpStatus: 404,
    publicMessage:
      "This port serves tandem.v1.Inference, its health and its reflection only. " +
      "Everything else is at the public port.",
  },
  certificate_unusable: {
    code: "invalid_argument",
    blame: "config",
    retry: "never",
    publicMessage: "The TLS certificate cannot be used.",
  },
  deadline_exceeded: {
    code: "deadline_exceeded",
    blame: "platform",
    retry: "never",
    publicMessage: "The answer took longer than requests may take here.",
  },
});

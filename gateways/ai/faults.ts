import { defineFaults } from "@tandem/libs/kernel";

/** Every reason for which the `ai` gateway itself refuses or fails a request. */
export const aiFaults = defineFaults("ai", {
  malformed_body: {
    code: "invalid_argument",
    blame: "client",
    retry: "never",
    publicMessage: "The body is not valid JSON.",
  },
  compressed_body: {
    code: "unimplemented",
    blame: "client",
    retry: "never",
    httpStatus: 415,
    publicMessage: "Compressed bodies are not taken. Send it as it is, without Content-Encoding.",
  },
  /** A value of the wrong type or out of its range: DeepSeek's 422. */
  invalid_parameter: {
    code: "invalid_argument",
    blame: "client",
    retry: "never",
    publicMessage: "A parameter is not valid.",
    httpStatus: 422,
  },
  /** Values that are fine by themselves and make no sense together. */
  contradictory_request: {
    code: "invalid_argument",
    blame: "client",
    retry: "never",
    publicMessage: "The parameters contradict each other.",
  },
  feature_unsupported: {
    code: "invalid_argument",
    blame: "client",
    retry: "never",
    publicMessage: "This model cannot do what the request asks for.",
  },
  unknown_model: {
    code: "invalid_argument",
    blame: "client",
    retry: "never",
    publicMessage: "There is no such model.",
  },
  context_too_long: {
    code: "invalid_argument",
    blame: "client",
    retry: "never",
    publicMessage: "The prompt is longer than the model's context.",
  },
  /** The same name for two requests: one of them is not what the client thinks. */
  idempotency_mismatch: {
    code: "invalid_argument",
    blame: "client",
    retry: "never",
    httpStatus: 422,
    publicMessage: "This Idempotency-Key was used for another request. Take a new one.",
  },
  answer_gone: {
    code: "failed_precondition",
    blame: "client",
    retry: "never",
    httpStatus: 410,
    publicMessage: "This answer is not kept any more. Ask anew, without Last-Event-ID.",
  },
  answer_lost: {
    code: "unavailable",
    blame: "platform",
    retry: "never",
    httpStatus: 502,
    publicMessage: "Whoever made this answer is gone, and it cannot be completed. Ask anew.",
  },
  upgrade_required: {
    code: "failed_precondition",
    blame: "client",
    retry: "never",
    httpStatus: 426,
    publicMessage: "This address speaks WebSocket only.",
  },
  audio_unsupported: {
    code: "invalid_argument",
    blame: "client",
    retry: "never",
    publicMessage: "Only text is spoken here: no audio comes in, and none goes out.",
  },
  response_active: {
    code: "failed_precondition",
    blame: "client",
    retry: "after_delay",
    httpStatus: 409,
    publicMessage: "The conversation has a response under way. Wait for its response.done.",
  },
  no_active_response: {
    code: "failed_precondition",
    blame: "client",
    retry: "never",
    publicMessage: "There is no such response under way.",
  },
  no_such_item: {
    code: "not_found",
    blame: "client",
    retry: "never",
    publicMessage: "The conversation has no such item.",
  },
  conversation_full: {
    code: "resource_exhausted",
    blame: "client",
    retry: "never",
    publicMessage: "The conversation is as long as it may be. Delete some of its items.",
  },
  socket_needs_key: {
    code: "unauthenticated",
    blame: "client",
    retry: "never",
    publicMessage: "Say first which key you have: a message of type `auth`.",
  },
  socket_has_key: {
    code: "failed_precondition",
    blame: "client",
    retry: "never",
    publicMessage: "This connection has a key already. Open another one for another key.",
  },
  socket_name_taken: {
    code: "already_exists",
    blame: "client",
    retry: "never",
    publicMessage: "A conversation of that name is under way. Take another one, or cancel it.",
  },
  socket_full: {
    code: "resource_exhausted",
    blame: "client",
    retry: "after_delay",
    publicMessage: "This connection has as many conversations as it may. Wait for one to end.",
  },
  socket_no_such_call: {
    code: "not_found",
    blame: "client",
    retry: "never",
    publicMessage: "No conversation of that name is under way.",
  },
  /** Of the public contract. */
  no_such_operation: {
    code: "unimplemented",
    blame: "client",
    retry: "never",
    publicMessage: "There is no such operation. Reflection lists what there is.",
  },
  compressed_message: {
    code: "unimplemented",
    blame: "client",
    retry: "never",
    publicMessage: "Compressed messages are not taken. Send them as they are.",
  },
  no_such_endpoint: {
    code: "not_found",
    blame: "client",
    retry: "never",
    publicMessage: "There is no such endpoint. The models are listed at /v1/models.",
  },
  method_not_allowed: {
    code: "unimplemented",
    blame: "client",
    retry: "never",
    publicMessage: "This endpoint does not take that method.",
    httpStatus: 405,
  },
  scope_missing: {
    code: "permission_denied",
    blame: "client",
    retry: "never",
    publicMessage: "The API key may not do this. Ask an administrator for a key with the scope.",
  },
  endpoint_not_allowed: {
    code: "permission_denied",
    blame: "client",
    retry: "never",
    publicMessage: "The API key may not use this endpoint.",
  },
  address_not_allowed: {
    code: "permission_denied",
    blame: "client",
    retry: "never",
    publicMessage: "The API key may not be used from this address.",
  },
  no_credit: {
    code: "failed_precondition",
    blame: "client",
    retry: "never",
    publicMessage: "The credit does not cover this request. Add credit, or ask for fewer tokens.",
    httpStatus: 402,
  },
  budget_reached: {
    code: "failed_precondition",
    blame: "client",
    retry: "never",
    publicMessage: "A budget does not cover this request. Raise it, or wait until it starts anew.",
    httpStatus: 402,
  },
  rate_limited: {
    code: "resource_exhausted",
    blame: "client",
    retry: "after_delay",
    publicMessage: "Too many requests for the limits of this key. Slow down.",
  },
  model_unpriced: {
    code: "failed_precondition",
    blame: "config",
    retry: "never",
    publicMessage: "The model has no price, so it is not served. An operator sets one, 0 for free.",
    httpStatus: 503,
  },
  /** Money cannot be reserved because nobody who keeps it can be asked. */
  wallet_unavailable: {
    code: "unavailable",
    blame: "platform",
    retry: "another_replica",
    publicMessage: "Credit cannot be checked right now. Try again in a moment.",
  },
  /** A paid answer that could not be recorded is not given. */
  not_recordable: {
    code: "unavailable",
    blame: "platform",
    retry: "another_replica",
    publicMessage: "Usage cannot be recorded right now. Try again in a moment.",
  },
  not_ready: {
    code: "unavailable",
    blame: "platform",
    retry: "another_replica",
    publicMessage: "This part of the platform is still starting. Try again in a moment.",
  },
  conversations_unavailable: {
    code: "unavailable",
    blame: "platform",
    retry: "after_delay",
    publicMessage: "Conversations cannot be read right now. Try again in a moment.",
  },
  /** OpenAI's word for it, and its status. */
  previous_response_not_found: {
    code: "invalid_argument",
    blame: "client",
    retry: "never",
    publicMessage: "There is no such previous response, or it is kept no longer.",
  },
  /** A status as for one that is unknown: it may become known. */
  previous_response_open: {
    code: "invalid_argument",
    blame: "client",
    retry: "never",
    publicMessage: "The previous response is in the background, and not completed.",
  },
  background_full: {
    code: "unavailable",
    blame: "capacity",
    retry: "another_replica",
    publicMessage: "As many responses as may be are made in the background. Try again in a moment.",
  },
  background_too_large: {
    code: "invalid_argument",
    blame: "client",
    retry: "never",
    httpStatus: 413,
    publicMessage: "The request is larger than what is kept of one in the background.",
  },
  responses_unavailable: {
    code: "unavailable",
    blame: "platform",
    retry: "after_delay",
    publicMessage: "Kept responses cannot be reached right now. Try again in a moment.",
  },
  no_moderations: {
    code: "not_found",
    blame: "client",
    retry: "never",
    publicMessage: "Nobody here judges content: there is no model for moderation.",
  },
  counting_unavailable: {
    code: "unavailable",
    blame: "platform",
    retry: "after_delay",
    publicMessage: "Tokens cannot be counted right now. Try again in a moment.",
  },
  /** More is asked of this replica than it can do, and this request matters least. */
  overloaded: {
    code: "unavailable",
    blame: "capacity",
    retry: "after_delay",
    publicMessage: "There is more to do than can be done just now. Try again in a moment.",
  },
  /** This process has no descriptor left to ask an upstream with; another one may have. */
  connections_exhausted: {
    code: "unavailable",
    blame: "platform",
    retry: "another_replica",
    publicMessage: "No connection to an upstream can be opened just now. Try again in a moment.",
  },
  upstreams_busy: {
    code: "unavailable",
    blame: "capacity",
    retry: "after_delay",
    publicMessage: "All upstreams of this model are busy. Try again in a moment.",
  },
  /** An extractive model has nothing but articles to answer from. */
  articles_unavailable: {
    code: "unavailable",
    blame: "platform",
    retry: "after_delay",
    publicMessage: "The articles that this model answers from cannot be read just now. Try again.",
  },
  /** No target is left that could be tried. */
  upstream_failed: {
    code: "unavailable",
    blame: "upstream",
    retry: "never",
    publicMessage: "No upstream of this model gave an answer; each was tried.",
    httpStatus: 502,
  },
  /** An upstream says that the request itself is wrong. Its words are passed on. */
  upstream_refused: {
    code: "invalid_argument",
    blame: "client",
    retry: "never",
    publicMessage: "The model refused the request.",
  },
  /** In the middle of an answer, when nothing can continue it. */
  stream_broken: {
    code: "unavailable",
    blame: "upstream",
    retry: "never",
    publicMessage: "The answer broke off and could not be continued. What came is incomplete.",
    httpStatus: 502,
  },
  time_limit: {
    code: "deadline_exceeded",
    blame: "upstream",
    retry: "never",
    publicMessage: "The answer took longer than this model's time limit.",
  },
  /** The router says that another replica was lost, and brings what none of ours has begun. */
  hand_over_refused: {
    code: "permission_denied",
    blame: "routing",
    retry: "never",
    publicMessage: "This is no stream of this platform.",
  },
  client_left: {
    code: "canceled",
    blame: "client",
    retry: "never",
    publicMessage: "The client left before the answer was complete.",
  },
  not_found: {
    code: "not_found",
    blame: "client",
    retry: "never",
    publicMessage: "There is no such thing, or it is not yours to see.",
  },
});

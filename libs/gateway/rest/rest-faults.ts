import { defineFaults } from "../../kernel/index.ts";

/** What a management request can be refused with before any service is asked. */
export const restFaults = defineFaults("rest", {
  no_such_route: {
    code: "not_found",
    blame: "client",
    retry: "never",
    publicMessage: "There is no such address. The API is described at /api/v1/openapi.json.",
  },
  method_not_allowed: {
    code: "unimplemented",
    blame: "client",
    retry: "never",
    publicMessage: "This address does not know that method. `Allow` lists those it knows.",
    httpStatus: 405,
  },
  /** The same answer for a thing that is not there and for one that the caller may not know of. */
  not_found: {
    code: "not_found",
    blame: "client",
    retry: "never",
    publicMessage: "There is no such thing, or you may not see it.",
  },
  unauthenticated: {
    code: "unauthenticated",
    blame: "client",
    retry: "never",
    publicMessage: "Sign in, or send an API key as `Authorization: Bearer sk-tdm-…`.",
  },
  credentials_malformed: {
    code: "unauthenticated",
    blame: "client",
    retry: "never",
    publicMessage: "Send the API key as `Authorization: Bearer sk-tdm-…`.",
  },
  too_many_attempts: {
    code: "resource_exhausted",
    blame: "client",
    retry: "after_delay",
    publicMessage: "Too many unknown keys came from your address. Wait, and check the key.",
  },
  session_ended: {
    code: "unauthenticated",
    blame: "client",
    retry: "never",
    publicMessage: "The session has ended. Sign in again.",
  },
  permission_missing: {
    code: "permission_denied",
    blame: "client",
    retry: "never",
    publicMessage: "You may not do this. Ask an owner of the organisation for the permission.",
  },
  address_refused: {
    code: "permission_denied",
    blame: "client",
    retry: "never",
    publicMessage: "This key may not be used from your network address.",
  },
  cross_site_refused: {
    code: "permission_denied",
    blame: "client",
    retry: "never",
    publicMessage:
      "A change with a session cookie must come from the console itself, with its CSRF token.",
  },
  unsupported_media_type: {
    code: "invalid_argument",
    blame: "client",
    retry: "never",
    publicMessage: "Send the body as application/json, without content encoding.",
    httpStatus: 415,
  },
  /** Never seen by a client: a copy of the last good answer stands in. */
  slow_service: {
    code: "deadline_exceeded",
    blame: "platform",
    retry: "after_delay",
    publicMessage: "A part of the platform is slow. Try again in a moment.",
  },
  malformed_json: {
    code: "invalid_argument",
    blame: "client",
    retry: "never",
    publicMessage: "The body is not JSON in UTF-8.",
  },
  json_refused: {
    code: "invalid_argument",
    blame: "client",
    retry: "never",
    publicMessage: "The body is JSON of a kind that is not accepted.",
  },
  /** `context` has one entry for each field: its path and what is wrong with it. */
  invalid_input: {
    code: "invalid_argument",
    blame: "client",
    retry: "never",
    publicMessage:
      "The request has fields that are missing, unknown or out of range; see `errors`.",
  },
  precondition_missing: {
    code: "failed_precondition",
    blame: "client",
    retry: "never",
    publicMessage:
      "Send `If-Match` with the `ETag` of the version you changed, so that nobody's change is lost.",
    httpStatus: 428,
  },
  precondition_failed: {
    code: "failed_precondition",
    blame: "client",
    retry: "never",
    publicMessage: "It was changed in the meantime. Read it again and repeat your change.",
  },
  idempotency_key_missing: {
    code: "invalid_argument",
    blame: "client",
    retry: "never",
    publicMessage:
      "Send an `Idempotency-Key` that is new for this request, so that repeating it is safe.",
  },
  idempotency_key_malformed: {
    code: "invalid_argument",
    blame: "client",
    retry: "never",
    publicMessage: "An `Idempotency-Key` has 1 to 255 visible ASCII characters.",
  },
  idempotency_key_reused: {
    code: "invalid_argument",
    blame: "client",
    retry: "never",
    publicMessage: "This `Idempotency-Key` was used with another request. Choose a new one.",
    httpStatus: 422,
  },
  idempotency_key_in_progress: {
    code: "aborted",
    blame: "client",
    retry: "after_delay",
    publicMessage: "The same request is being carried out. Repeat it in a second for its answer.",
  },
});

import { defineFaults } from "@tandem/libs/kernel";

/** Every reason the engine refuses or fails with. The message's particulars come with each use. */
export const faults = defineFaults("engine", {
  bad_request: {
    code: "invalid_argument",
    blame: "client",
    retry: "never",
    publicMessage: "The request is malformed.",
  },
  unsupported: {
    code: "invalid_argument",
    blame: "client",
    retry: "never",
    publicMessage: "The embedded engine does not support this. Use another upstream for it.",
  },
  context_overflow: {
    code: "invalid_argument",
    blame: "client",
    retry: "never",
    publicMessage: "The input is longer than the model's context. Shorten it.",
  },
  model_unknown: {
    code: "not_found",
    blame: "client",
    retry: "never",
    publicMessage: "The engine has no such model. GET /v1/models lists what it has.",
  },
  path_unknown: {
    code: "not_found",
    blame: "client",
    retry: "never",
    publicMessage: "There is nothing at this path.",
  },
  model_loading: {
    code: "unavailable",
    blame: "capacity",
    retry: "after_delay",
    publicMessage: "The model is still on its way. Try again shortly.",
  },
  model_failed: {
    code: "unavailable",
    blame: "platform",
    retry: "after_delay",
    publicMessage: "The model could not be made ready.",
  },
  queue_full: {
    code: "unavailable",
    blame: "capacity",
    retry: "after_delay",
    publicMessage: "Too many requests wait for the engine, which answers one at a time.",
  },
  wait_too_long: {
    code: "unavailable",
    blame: "capacity",
    retry: "after_delay",
    publicMessage: "The engine could not start on this request in time.",
  },
  closing: {
    code: "unavailable",
    blame: "platform",
    retry: "another_replica",
    publicMessage: "The engine is closing.",
  },
  generation_failed: {
    code: "internal",
    blame: "platform",
    retry: "same_replica",
    publicMessage: "The engine failed while it generated.",
  },
  source_failed: {
    code: "unavailable",
    blame: "upstream",
    retry: "after_delay",
    publicMessage: "A source of the model could not deliver it.",
  },
  file_corrupt: {
    code: "data_loss",
    blame: "upstream",
    retry: "never",
    publicMessage: "The file is not the one it should be.",
  },
  disk_full: {
    code: "resource_exhausted",
    blame: "capacity",
    retry: "after_delay",
    httpStatus: 507,
    publicMessage: "The disk is too full for the model. Free some space.",
  },
  model_refused: {
    code: "failed_precondition",
    blame: "config",
    retry: "never",
    publicMessage: "This model file cannot be used.",
  },
  memory_short: {
    code: "resource_exhausted",
    blame: "capacity",
    retry: "after_delay",
    httpStatus: 503,
    publicMessage: "The model needs more memory than is free.",
  },
  runtime_failed: {
    code: "unavailable",
    blame: "platform",
    retry: "after_delay",
    publicMessage: "The model runtime could not be installed or started.",
  },
});

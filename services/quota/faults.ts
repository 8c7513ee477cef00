import { defineFaults } from "@tandem/libs/kernel";

/** Every reason the quota service can fail with, besides those of the stores. */
export const faults = defineFaults("quota", {
  forbidden: {
    code: "permission_denied",
    blame: "client",
    retry: "never",
    publicMessage: "This needs more rights than the caller has.",
  },
  not_found: {
    code: "not_found",
    blame: "client",
    retry: "never",
    publicMessage: "There is no such limit or budget in this organisation.",
  },
  malformed: {
    code: "invalid_argument",
    blame: "client",
    retry: "never",
    publicMessage: "A field of the request is missing or out of range.",
  },
  version_mismatch: {
    code: "aborted",
    blame: "client",
    retry: "never",
    publicMessage:
      "It was changed by somebody else since you read it. Read it again and repeat the change.",
    httpStatus: 412,
  },
  above_allowance: {
    code: "failed_precondition",
    blame: "client",
    retry: "never",
    publicMessage:
      "The platform allows this organisation less than that. Stay below it, or ask who runs the platform.",
    httpStatus: 409,
  },
  locked: {
    code: "permission_denied",
    blame: "client",
    retry: "never",
    publicMessage: "The platform has set this, and only who runs the platform can change it.",
  },
  currency_mismatch: {
    code: "failed_precondition",
    blame: "client",
    retry: "never",
    publicMessage: "The organisation's wallet is kept in another currency.",
    httpStatus: 409,
  },
  idempotency_conflict: {
    code: "invalid_argument",
    blame: "client",
    retry: "never",
    publicMessage:
      "This idempotency key was used for another grant. Use a new key for a new grant.",
    httpStatus: 422,
  },
  credit_held: {
    code: "unavailable",
    blame: "capacity",
    retry: "after_delay",
    publicMessage: "The credit is held by requests under way. Try again in a few seconds.",
  },
  busy: {
    code: "unavailable",
    blame: "capacity",
    retry: "after_delay",
    publicMessage: "The ledger is being verified already. Try again when that has ended.",
  },
  lease_foreign: {
    code: "permission_denied",
    blame: "platform",
    retry: "never",
    publicMessage: "The wallet lease belongs to another gateway or another life of this one.",
  },
});

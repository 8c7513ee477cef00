import { defineFaults } from "../kernel/index.ts";

/** Every reason a store can fail with. A store never answers "no such row" when it is not there. */
export const storeFaults = defineFaults("store", {
  /** No connection could be had, so nothing was sent: safe to repeat. */
  unavailable: {
    code: "unavailable",
    blame: "platform",
    retry: "after_delay",
    publicMessage: "A data store is not reachable at the moment. Try again in a second.",
  },
  /** The connection broke, or fell silent, with a statement on it: it may have taken effect. */
  outcome_unknown: {
    code: "unavailable",
    blame: "platform",
    retry: "never",
    publicMessage:
      "The connection to a data store broke before its answer came. The change may have been " +
      "made: check, or repeat with the same idempotency key.",
  },
  /** Too many callers wait for the store already. */
  overloaded: {
    code: "resource_exhausted",
    blame: "capacity",
    retry: "another_replica",
    publicMessage: "Too many requests wait for a data store. Try again in a second.",
    httpStatus: 503,
  },
  /** The store gave up on the statement, which took no effect. */
  timeout: {
    code: "deadline_exceeded",
    blame: "platform",
    retry: "after_delay",
    publicMessage: "A data store took too long, and nothing was changed. Try again.",
  },
  /** A uniqueness or exclusion rule refused the row; `context.constraint` names the rule. */
  conflict: {
    code: "already_exists",
    blame: "client",
    retry: "never",
    publicMessage: "Something with the same identity exists already.",
  },
  /** Lost against a concurrent transaction and took no effect; `withRetry` repeats it. */
  contention: {
    code: "aborted",
    blame: "capacity",
    retry: "same_replica",
    publicMessage: "Others changed the same data at the same moment. Try again.",
  },
  /** A foreign key, check or not-null rule refused the row; `context.constraint` names it. */
  violation: {
    code: "failed_precondition",
    blame: "platform",
    retry: "never",
    publicMessage: "The change contradicts data that is stored already.",
  },
  /** A value that no column can hold: a NUL character, too long, out of range. */
  unstorable: {
    code: "invalid_argument",
    blame: "client",
    retry: "never",
    publicMessage:
      "A value cannot be stored: it holds a NUL character, is too long, or is out of range.",
  },
  /** The store refuses us: wrong password, no such database, missing right. */
  misconfigured: {
    code: "failed_precondition",
    blame: "config",
    retry: "never",
    publicMessage: "A data store refuses this service. Check its address, account and rights.",
    httpStatus: 500,
  },
  /** No space is left where the store writes; what was asked did not take effect. */
  full: {
    code: "resource_exhausted",
    blame: "capacity",
    retry: "after_delay",
    publicMessage: "A data store has no space left. Free some on its disk; it then goes on.",
    httpStatus: 503,
  },
  /** Writing to the disk failed; what was asked was not acknowledged. */
  disk_failed: {
    code: "unavailable",
    blame: "platform",
    retry: "another_replica",
    publicMessage: "A disk refuses to write. Look at the machine's log and replace the disk.",
  },
  /** Stored bytes do not match their checksum, or records are missing between others. */
  corrupt: {
    code: "data_loss",
    blame: "platform",
    retry: "never",
    publicMessage: "Stored data is damaged. Keep the files and restore from a copy.",
  },
  /** Another process holds what only one may hold. */
  busy: {
    code: "failed_precondition",
    blame: "config",
    retry: "after_delay",
    publicMessage: "Another process uses this data directory. Stop it, or choose another one.",
  },
  /** A schema change failed, or the database knows changes that this version cannot place. */
  migration_failed: {
    code: "failed_precondition",
    blame: "config",
    retry: "never",
    publicMessage: "The database's schema could not be brought to this version. See the log.",
    httpStatus: 500,
  },
  closed: {
    code: "unavailable",
    blame: "platform",
    retry: "another_replica",
    publicMessage: "This replica is closing. Try again.",
  },
});

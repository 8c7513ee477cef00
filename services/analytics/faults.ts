import { defineFaults } from "@tandem/libs/kernel";

/** Every reason the analytics service can fail with, besides those of stores and calls. */
export const analyticsFaults = defineFaults("analytics", {
  forbidden: {
    code: "permission_denied",
    blame: "client",
    retry: "never",
    publicMessage: "This needs more rights than the caller has.",
  },
  organisation_not_found: {
    code: "not_found",
    blame: "client",
    retry: "never",
    publicMessage: "There is no such organisation.",
  },
  malformed: {
    code: "invalid_argument",
    blame: "client",
    retry: "never",
    publicMessage: "A field of the request is missing or out of range.",
  },
  /** `context` says how many rows it would be, and how many there may be. */
  too_fine: {
    code: "invalid_argument",
    blame: "client",
    retry: "never",
    publicMessage:
      "That would be too many rows. Ask for a shorter time, a longer step or fewer groups.",
  },
  cursor_unknown: {
    code: "invalid_argument",
    blame: "client",
    retry: "never",
    publicMessage: "`after` is not the end of a page of this export. Begin again without it.",
  },
  /** Such an event is parked by its sender, for people to see. */
  unreadable_event: {
    code: "invalid_argument",
    blame: "platform",
    retry: "never",
    publicMessage: "An event holds no usage that this version can read.",
  },
  /** Its sender tries again, until the fact is here. */
  fact_awaited: {
    code: "failed_precondition",
    blame: "platform",
    retry: "never",
    publicMessage: "A correction came before the fact that it corrects.",
  },
});

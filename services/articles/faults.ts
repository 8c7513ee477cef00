import { defineFaults } from "@tandem/libs/kernel";

/** Every reason the articles service can fail with, besides those of stores and calls. */
export const articlesFaults = defineFaults("articles", {
  article_not_found: {
    code: "not_found",
    blame: "client",
    retry: "never",
    publicMessage: "There is no such article in this organisation.",
  },
  version_not_found: {
    code: "not_found",
    blame: "client",
    retry: "never",
    publicMessage: "The article has no such version.",
  },
  attachment_not_found: {
    code: "not_found",
    blame: "client",
    retry: "never",
    publicMessage: "The article has no such attachment.",
  },
  rule_not_found: {
    code: "not_found",
    blame: "client",
    retry: "never",
    publicMessage: "This project has no rule for articles.",
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
    publicMessage: "A field is missing or out of range.",
  },
  version_mismatch: {
    code: "failed_precondition",
    blame: "client",
    retry: "never",
    publicMessage: "It was changed in the meantime. Read it again and repeat your change.",
  },
  library_full: {
    code: "failed_precondition",
    blame: "client",
    retry: "never",
    publicMessage: "The organisation has as many articles as it may. Delete some first.",
    httpStatus: 409,
  },
  attachments_full: {
    code: "failed_precondition",
    blame: "client",
    retry: "never",
    publicMessage: "The article has as many attachments as it may. Delete some first.",
    httpStatus: 409,
  },
  permission_missing: {
    code: "permission_denied",
    blame: "client",
    retry: "never",
    publicMessage: "You may not do this. Ask an owner of the organisation for the permission.",
  },
  platform_only: {
    code: "permission_denied",
    blame: "platform",
    retry: "never",
    publicMessage: "This operation is for the platform's own parts.",
  },
  /** Within the service: whoever searches goes on by words, and says so. */
  encoder_unavailable: {
    code: "unavailable",
    blame: "upstream",
    retry: "after_delay",
    publicMessage: "The encoder cannot be asked right now.",
  },
});

import { defineFaults } from "@tandem/libs/kernel";

/** Every reason the users service can fail with, besides those of stores and calls. */
export const usersFaults = defineFaults("users", {
  organisation_not_found: {
    code: "not_found",
    blame: "client",
    retry: "never",
    publicMessage: "There is no such organisation.",
  },
  user_not_found: {
    code: "not_found",
    blame: "client",
    retry: "never",
    publicMessage: "There is no such person.",
  },
  project_not_found: {
    code: "not_found",
    blame: "client",
    retry: "never",
    publicMessage: "There is no such project in this organisation.",
  },
  member_not_found: {
    code: "not_found",
    blame: "client",
    retry: "never",
    publicMessage: "There is no such member in this organisation.",
  },
  invitation_not_found: {
    code: "not_found",
    blame: "client",
    retry: "never",
    publicMessage: "There is no such invitation in this organisation.",
  },
  /** The same for a token that is unknown, expired, taken back, or has done its work. */
  invitation_refused: {
    code: "permission_denied",
    blame: "client",
    retry: "never",
    publicMessage: "This invitation is not valid any more. Ask for another one.",
  },
  invitation_closed: {
    code: "failed_precondition",
    blame: "client",
    retry: "never",
    publicMessage: "The invitation has been accepted. Remove the member instead.",
    httpStatus: 409,
  },
  already_member: {
    code: "already_exists",
    blame: "client",
    retry: "never",
    publicMessage: "This person is a member of the organisation already.",
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
});

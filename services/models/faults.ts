import { defineFaults } from "@tandem/libs/kernel";

export const modelsFaults = defineFaults("models", {
  not_found: {
    code: "not_found",
    blame: "client",
    retry: "never",
    publicMessage: "There is nothing of this name in the catalogue.",
  },
  from_file: {
    code: "failed_precondition",
    blame: "client",
    retry: "never",
    publicMessage: "This is declared in the configuration file and is changed only there.",
    httpStatus: 409,
  },
  invalid: {
    code: "invalid_argument",
    blame: "client",
    retry: "never",
    publicMessage: "The entry is not described rightly.",
  },
  version_conflict: {
    code: "aborted",
    blame: "client",
    retry: "never",
    publicMessage: "The entry was changed by somebody else. Read it again and repeat.",
    httpStatus: 412,
  },
  platform_only: {
    code: "permission_denied",
    blame: "platform",
    retry: "never",
    publicMessage: "This operation is for the platform's own parts.",
  },
  manager_only: {
    code: "permission_denied",
    blame: "client",
    retry: "never",
    publicMessage:
      "The catalogue is changed by the platform's owners and operators, or by a key with the " +
      "scope platform.",
  },
});

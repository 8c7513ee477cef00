import { defineFaults } from "@tandem/libs/kernel";

/** Every reason the orders service can fail with, besides those of stores and calls. */
export const ordersFaults = defineFaults("orders", {
  product_not_found: {
    code: "not_found",
    blame: "client",
    retry: "never",
    publicMessage: "There is no such plan or credit pack.",
  },
  product_of_platform: {
    code: "permission_denied",
    blame: "client",
    retry: "never",
    publicMessage: "This one is offered by the platform: its operator changes it in the settings.",
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
    httpStatus: 412,
  },
  permission_missing: {
    code: "permission_denied",
    blame: "client",
    retry: "never",
    publicMessage: "You may not do this. Ask an owner of the organisation for the permission.",
  },
});

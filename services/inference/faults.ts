import { defineFaults } from "@tandem/libs/kernel";

export const inferenceFaults = defineFaults("inference", {
  upstream_not_found: {
    code: "not_found",
    blame: "client",
    retry: "never",
    publicMessage: "There is no upstream of this name. List them with GET /api/v1/upstreams.",
  },
  upstream_from_file: {
    code: "failed_precondition",
    blame: "client",
    retry: "never",
    publicMessage: "This upstream is declared in the configuration file and is changed only there.",
    httpStatus: 409,
  },
  upstream_invalid: {
    code: "invalid_argument",
    blame: "client",
    retry: "never",
    publicMessage: "The upstream is not described rightly.",
  },
  address_refused: {
    code: "permission_denied",
    blame: "client",
    retry: "never",
    publicMessage:
      "An upstream may not be at this address. Link-local, multicast and metadata addresses are " +
      "never allowed; private ones only where inference.private_addresses says so.",
  },
  version_conflict: {
    code: "aborted",
    blame: "client",
    retry: "never",
    publicMessage: "The upstream was changed by somebody else. Read it again and repeat.",
    httpStatus: 412,
  },
  platform_only: {
    code: "permission_denied",
    blame: "platform",
    retry: "never",
    publicMessage: "This operation is for the platform's own parts.",
  },
  admin_only: {
    code: "permission_denied",
    blame: "client",
    retry: "never",
    publicMessage: "Upstreams are changed by the platform's operators, or with the scope platform.",
  },
});

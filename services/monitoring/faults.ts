import { defineFaults } from "@tandem/libs/kernel";

export const monitoringFaults = defineFaults("monitoring", {
  request_not_found: {
    code: "not_found",
    blame: "client",
    retry: "after_delay",
    publicMessage:
      "Nothing is known of a request with this id. Records appear within a second and are kept " +
      "for three days by default; under high load only failed and slow requests are.",
  },
  webhook_invalid: {
    code: "invalid_argument",
    blame: "config",
    retry: "never",
    publicMessage:
      "monitoring.alert_webhook.url is no http or https URL. Correct it, or remove it.",
  },
  log_late: {
    code: "unavailable",
    blame: "platform",
    retry: "after_delay",
    publicMessage: "The log of incidents does not answer. Try again in a moment.",
  },
  platform_only: {
    code: "permission_denied",
    blame: "platform",
    retry: "never",
    publicMessage: "This operation is for the platform's own parts.",
  },
  no_organisation: {
    code: "permission_denied",
    blame: "client",
    retry: "never",
    publicMessage: "Requests are read within the organisation that made them.",
  },
});

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
  order_not_found: {
    code: "not_found",
    blame: "client",
    retry: "never",
    publicMessage: "There is no such order in this organisation.",
  },
  offer_changed: {
    code: "failed_precondition",
    blame: "client",
    retry: "never",
    publicMessage: "The offer was changed. Read it again and order it as it is now.",
    httpStatus: 409,
  },
  too_many_open: {
    code: "resource_exhausted",
    blame: "client",
    retry: "never",
    publicMessage: "Too many orders wait for payment. Pay or cancel some of them first.",
  },
  currency_mismatch: {
    code: "failed_precondition",
    blame: "client",
    retry: "never",
    publicMessage: "Its credit is in another currency than the organisation's wallet.",
    httpStatus: 409,
  },
  idempotency_conflict: {
    code: "invalid_argument",
    blame: "client",
    retry: "never",
    publicMessage: "This idempotency key was used for another request. Use a new one.",
    httpStatus: 422,
  },
  wrong_state: {
    code: "failed_precondition",
    blame: "client",
    retry: "never",
    publicMessage: "The order's state does not allow this.",
    httpStatus: 409,
  },
  amount_mismatch: {
    code: "invalid_argument",
    blame: "client",
    retry: "never",
    publicMessage: "Amount and currency are not the order's. Confirm exactly what was ordered.",
  },
  amount_unpayable: {
    code: "invalid_argument",
    blame: "client",
    retry: "never",
    publicMessage: "The payment provider cannot take this amount: it has too many decimals.",
  },
  second_person_needed: {
    code: "permission_denied",
    blame: "client",
    retry: "never",
    publicMessage: "Whoever confirmed the payment cannot approve it too: ask somebody else.",
  },
  refund_too_much: {
    code: "invalid_argument",
    blame: "client",
    retry: "never",
    publicMessage: "That is more than is left of the order's payment.",
  },
  no_provider: {
    code: "failed_precondition",
    blame: "client",
    retry: "never",
    publicMessage: "Nothing can be ordered here: ask finance for credit.",
    httpStatus: 409,
  },
  /** An event of a provider that is not configured has no address. */
  provider_unknown: {
    code: "not_found",
    blame: "client",
    retry: "never",
    publicMessage: "There is no such address.",
  },
  event_refused: {
    code: "invalid_argument",
    blame: "client",
    retry: "never",
    publicMessage: "This is no event of the payment provider.",
  },
  provider_unconfigured: {
    code: "failed_precondition",
    blame: "config",
    retry: "never",
    publicMessage: "The payment provider lacks settings.",
  },
  provider_away: {
    code: "unavailable",
    blame: "upstream",
    retry: "after_delay",
    publicMessage: "The payment provider does not answer. Try again in a moment.",
  },
  provider_refused: {
    code: "failed_precondition",
    blame: "upstream",
    retry: "never",
    publicMessage: "The payment provider refused this.",
    httpStatus: 502,
  },
});

/** What leaves through this service's outbox, one step each; `deliveries.ts` carries them out. */
export const topics = {
  /** → auth: an entry of the audit log. */
  audit: "orders.audit.v1",
  /** → quota: the credit of a paid order, or of a refund that came to nothing. */
  credit: "orders.credit.v1",
  /** → quota: credit that a refund takes back. */
  takeBack: "orders.take-back.v1",
  /** → the payment provider: the money itself. */
  payBack: "orders.pay-back.v1",
} as const;

import type { Counter, Gauge, Metrics } from "@tandem/libs/telemetry";

export interface PaymentMetrics {
  /** By provider and outcome; `forged`, `stale` and their kin are worth an alert. */
  readonly events: Counter;
  /** Money and orders that do not fit, for people to look at. */
  readonly discrepancies: Gauge;
}

export function createPaymentMetrics(metrics: Metrics): PaymentMetrics {
  return {
    events: metrics.counter({
      name: "tandem_payment_events_total",
      help: "Events of payment providers by what became of them.",
      labels: ["provider", "outcome"],
    }),
    discrepancies: metrics.gauge({
      name: "tandem_payment_discrepancies",
      help: "Payments without order, orders without payment, credit that no wallet took.",
    }),
  };
}

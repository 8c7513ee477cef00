import { count, duration, text } from "@tandem/libs/config";
import { z } from "zod";

export const configSchema = z.strictObject({
  currency: text({
    doc: "ISO 4217 code of wallets that are opened without one being named.",
    default: "USD",
    pattern: /^[A-Z]{3}$/,
    example: "USD",
  }),
  poolSize: count({ doc: "Connections to the database.", default: 8, min: 2, max: 100 }),
  leaseValidMs: duration({
    doc: "How long a gateway may spend from a wallet lease without hearing from this service.",
    default: "90s",
    min: "1s",
    max: "10m",
  }),
  leaseGraceMs: duration({
    doc: "How much later a gateway counts as silent: for transport and for clocks that differ.",
    default: "5s",
    min: "1s",
    max: "60s",
  }),
  requestMaxMs: duration({
    doc: "The longest a request and its settlement take; what a dead gateway held returns then.",
    default: "660s",
    min: "10s",
    max: "24h",
  }),
  placesValidMs: duration({
    doc: "How long a silent gateway keeps its places of a concurrency limit.",
    default: "10s",
    min: "2s",
    max: "10m",
  }),
  requestsPerMinute: count({
    doc: "For organisations without a limit of their own; 0: none.",
    default: 0,
    min: 0,
    max: 1e9,
  }),
  tokensPerMinute: count({
    doc: "For organisations without a limit of their own; 0: none.",
    default: 0,
    min: 0,
    max: 1e12,
  }),
  concurrency: count({
    doc: "Requests at once, for organisations without a limit of their own; 0: none.",
    default: 0,
    min: 0,
    max: 1e6,
  }),
  agePeriodMs: duration({
    doc: "How often leases of silent gateways and expired credit are looked for.",
    default: "1s",
    min: "100ms",
    max: "60s",
  }),
  checkPeriodMs: duration({
    doc: "How often the sum over all accounts, which must be 0, is taken.",
    default: "60s",
    min: "1s",
    max: "24h",
  }),
});

export type Config = z.output<typeof configSchema>;

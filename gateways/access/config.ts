import { count, duration, section, size, text } from "@tandem/libs/config";
import { z } from "zod";

export const configSchema = z.strictObject({
  setup: section({
    initialCredit: text({
      doc: "Credit granted when the platform is set up, so that the first call works; 0 for none.",
      default: "10.00",
      pattern: /^[0-9]{1,6}(\.[0-9]{1,9})?$/,
      example: "10.00",
    }),
    currency: text({
      doc: "The currency of that credit.",
      default: "USD",
      pattern: /^[A-Z]{3}$/,
      example: "USD",
    }),
  }),
  identityOutageMs: duration({
    doc: "How long known callers are let in while revocations cannot be heard; then nobody is.",
    default: "30s",
    min: "0",
    max: "15m",
  }),
  identitiesMax: count({
    doc: "Verified callers kept in memory, some 1 KiB each.",
    default: 10_000,
    min: 100,
    max: 1_000_000,
  }),
  requestDeadlineMs: duration({
    doc: "How long a management request may take.",
    default: "10s",
    min: "1s",
    max: "25s",
  }),
  staleBytesMax: size({
    doc: "Memory for the last good answers, which stand in while a service is away.",
    default: "8MiB",
    min: "64KiB",
    max: "1GiB",
  }),
  staleAgeMax: duration({
    doc: "The oldest answer that may stand in.",
    default: "24h",
    min: "1s",
    max: "168h",
  }),
  staleAfterMs: duration({
    doc: "How long a slow service is waited for when an earlier answer could stand in.",
    default: "1s",
    min: "10ms",
    max: "10s",
  }),
});

export type Config = z.output<typeof configSchema>;

import { count, duration, secret, section } from "@tandem/libs/config";
import { z } from "zod";

export const configSchema = z.strictObject({
  retentionMs: duration({
    doc: "How long what became of a request can be read by its id.",
    default: "72h",
    min: "1h",
    max: "8760h",
  }),
  recordsPerSecondMax: count({
    doc: "Records written per second and replica; beyond it only failed and slow ones are kept.",
    default: 500,
    min: 1,
    max: 100_000,
  }),
  slowRequestMs: duration({
    doc: "Requests that took longer are always kept.",
    default: "10s",
    min: "1ms",
    max: "1h",
  }),
  incidentRetentionMs: duration({
    doc: "How long incidents that are over can be read.",
    default: "8760h",
    min: "24h",
    max: "87600h",
  }),
  alertWebhook: section({
    url: secret({ doc: "Where alerts are posted as JSON when they open and close." }).optional(),
    privateAddresses: z.enum(["refuse", "allow"]).default("refuse").meta({
      description: "Whether that may be a private address.",
    }),
  }),
});

export type Config = z.output<typeof configSchema>;

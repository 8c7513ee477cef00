import { count, duration, secret, text } from "@tandem/libs/config";
import { z } from "zod";

export const configSchema = z.strictObject({
  keyEnvironment: text({
    doc: "Stands in every key made here (sk-tdm-live_…), so that people see where it belongs.",
    default: "live",
    pattern: /^[a-z][a-z0-9]{0,15}$/,
    example: "live",
  }),
  setupToken: secret({
    doc: "Opens setup once, for automated installs. Without it a link is printed to the log.",
  }).optional(),
  setupLinkMs: duration({
    doc: "How long a printed setup link opens setup.",
    default: "30m",
    min: "1m",
    max: "24h",
  }),
  sessionIdleMs: duration({
    doc: "A session ends after this long without a request.",
    default: "30m",
    min: "1m",
    max: "24h",
  }),
  sessionAbsoluteMs: duration({
    doc: "A session ends after this long in any case.",
    default: "12h",
    min: "5m",
    max: "720h",
  }),
  passwordHashesMax: count({
    doc: "Passwords hashed at the same time, 19 MiB and some 25 ms of a CPU each.",
    default: 2,
    min: 1,
    max: 64,
  }),
  passwordQueueMax: count({
    doc: "Sign-ins that wait for a place; one more is told to come back.",
    default: 32,
    min: 1,
    max: 1_000,
  }),
  databaseConnections: count({
    doc: "Connections to the database, at most.",
    default: 8,
    min: 2,
    max: 100,
  }),
});

export type Config = z.output<typeof configSchema>;

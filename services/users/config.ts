import { count, duration } from "@tandem/libs/config";
import { z } from "zod";

export const configSchema = z.strictObject({
  invitationMs: duration({
    doc: "How long an invitation can be accepted.",
    default: "168h",
    min: "5m",
    max: "2160h",
  }),
  databaseConnections: count({
    doc: "Connections to the database, at most.",
    default: 6,
    min: 2,
    max: 100,
  }),
});

export type Config = z.output<typeof configSchema>;

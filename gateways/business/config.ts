import { count, duration, size } from "@tandem/libs/config";
import { managementSettings } from "@tandem/libs/gateway";
import { z } from "zod";

export const configSchema = z.strictObject({
  ...managementSettings,
  queueAfterMs: duration({
    doc: "How long a new order waits for the orders service before it is queued.",
    default: "1s",
    min: "10ms",
    max: "10s",
  }),
  queuedOrdersMax: count({
    doc: "Orders that may wait for the orders service in one replica; more are refused.",
    default: 10_000,
    min: 1,
    max: 1_000_000,
  }),
  queueBytesMax: size({
    doc: "Room on disk for them.",
    default: "64MiB",
    min: "1MiB",
    max: "10GiB",
  }),
});

export type Config = z.output<typeof configSchema>;

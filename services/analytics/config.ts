import { count } from "@tandem/libs/config";
import { z } from "zod";

const daysMax = 3_660;

export const configSchema = z.strictObject({
  factDays: count({
    doc: "Days that single calls are kept, for exports by call; sums are kept by the settings below.",
    default: 90,
    min: 1,
    max: daysMax,
  }),
  minuteDays: count({
    doc: "Days that sums by minute are kept; older times are answered in whole hours.",
    default: 14,
    min: 1,
    max: daysMax,
  }),
  hourDays: count({
    doc: "Days that sums by hour are kept; older times are answered in whole days.",
    default: 400,
    min: 2,
    max: daysMax,
  }),
  dayDays: count({
    doc: "Days that sums by day are kept.",
    default: 3_660,
    min: 31,
    max: daysMax,
  }),
  databaseConnections: count({
    doc: "Connections to the database, at most.",
    default: 6,
    min: 2,
    max: 100,
  }),
});

export type Config = z.output<typeof configSchema>;

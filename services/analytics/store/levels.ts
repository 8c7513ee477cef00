import type { Level } from "../core/steps.ts";

/** Where the sums of each level are. */
export const tableOf: Readonly<Record<Level, string>> = {
  minute: "usage_minutes",
  hour: "usage_hours",
  day: "usage_days",
};

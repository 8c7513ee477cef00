import { z } from "zod";
import type { SideFigures } from "../core/canary.ts";

/** What callers tell of those they call: routers on a page, every process with its beats. */
export const talliesSchema = z.array(
  z.object({
    name: z.string(),
    attempts: z.number(),
    failures: z.number(),
    latencyCounts: z.array(z.number()).readonly(),
    latencyBoundsMs: z.array(z.number()).readonly(),
  }),
);

/** By replica: counters that only grow while their caller lives. */
export function figuresByReplica(
  tallies: z.infer<typeof talliesSchema>,
): ReadonlyMap<string, SideFigures> {
  return new Map(
    tallies.map(({ name, latencyBoundsMs: boundsMs, ...figures }) => {
      return [name, { ...figures, boundsMs }] as const;
    }),
  );
}

import type { Database } from "@tandem/libs/store";
import type { Retention } from "./store/forget.ts";
import type { SeriesNumbers } from "./store/series-numbers.ts";

/** What operations are carried out with. */
export interface AnalyticsParts {
  readonly database: Database<unknown>;
  readonly series: SeriesNumbers;
  readonly retention: Retention;
  /** Milliseconds since 1970. */
  readonly nowMs: () => number;
}

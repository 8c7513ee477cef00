import type { RetryBudget } from "./core/retry-budget.ts";
import type { Surroundings } from "./surroundings.ts";

export interface FetchOptions {
  /**
   * Addresses of the same platform, each as it is given to a client as its base URL. A request
   * below any of them is made at another one when that one is lost.
   */
  readonly baseUrls?: readonly string[];
  /** Attempts in a row that bring nothing; 12. A stream that goes on begins to count anew. */
  readonly attemptsMax?: number;
  /** How long nothing may come altogether, pauses included; 60,000 ms. */
  readonly patienceMs?: number;
  /**
   * From when on a silent connection counts as lost; 60,000 ms. Tandem says something every 10 s in
   * streams, and every 30 s before a whole answer.
   */
  readonly silenceMs?: number;
  /** Told of each attempt that failed and is made again. */
  readonly onRetry?: (note: RetryNote) => void;
  /** Makes the requests; the global `fetch`. */
  readonly fetch?: typeof fetch;
}

export interface RetryNote {
  /** `request`: asked for again; `stream`: the rest of a stream is asked for. */
  readonly kind: "request" | "stream";
  readonly delayMs: number;
  /** Event behind which a stream goes on. */
  readonly after: number;
  /** The status that was answered; undefined when the connection was lost. */
  readonly status: number | undefined;
  readonly cause: unknown;
}

/** What all requests of one `createFetch` share. */
export interface SharedState {
  readonly surroundings: Surroundings;
  readonly baseUrls: readonly string[];
  readonly attemptsMax: number;
  readonly patienceMs: number;
  readonly silenceMs: number;
  readonly onRetry: (note: RetryNote) => void;
  readonly budget: RetryBudget;
  /** The site that answered last. */
  site: number;
}

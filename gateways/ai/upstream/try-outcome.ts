import type { AttemptFailure } from "../core/attempts/attempt-outcome.ts";

/** What became of a try at one target, for whoever decides what comes next. */
export type TryOutcome =
  | { readonly kind: "answered" }
  | { readonly kind: "failed"; readonly failure: AttemptFailure }
  /** The client has gone meanwhile. */
  | { readonly kind: "left" };

export const answered: TryOutcome = { kind: "answered" };
export const left: TryOutcome = { kind: "left" };

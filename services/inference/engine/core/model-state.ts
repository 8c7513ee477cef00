/** How far a model is. Pure: a closed set of states and what can be said of each. */

/**
 * waiting → obtaining ⇄ verifying → loading → ready; from any of the first four → failed → waiting
 * again after a pause. A ready model stays ready.
 */
export type ModelState =
  | { readonly kind: "waiting"; readonly on: string }
  | {
      readonly kind: "obtaining";
      readonly source: string;
      readonly doneBytes: number;
      readonly totalBytes: number;
    }
  | { readonly kind: "verifying" }
  | { readonly kind: "loading" }
  | { readonly kind: "ready" }
  | {
      readonly kind: "failed";
      readonly reason: string;
      readonly message: string;
      readonly retryInMs: number;
    };

/** What `GET /v1/models` and errors say: one word of the API, with progress where there is some. */
export interface StateDescription {
  readonly state: "downloading" | "loading" | "ready" | "failed";
  readonly message: string;
  /** 0 to 1 of the download; absent outside of it. */
  readonly progress?: number;
  readonly done_bytes?: number;
  readonly total_bytes?: number;
}

export function describeState(state: ModelState): StateDescription {
  switch (state.kind) {
    case "waiting":
      return { state: "loading", message: `Waiting for ${state.on}.` };
    case "obtaining": {
      const progress = state.totalBytes > 0 ? state.doneBytes / state.totalBytes : 0;
      return {
        state: "downloading",
        message: `Downloading from ${state.source}: ${Math.floor(progress * 100)} %.`,
        progress: Math.round(progress * 1000) / 1000,
        done_bytes: state.doneBytes,
        total_bytes: state.totalBytes,
      };
    }
    case "verifying":
      return { state: "loading", message: "Checking the downloaded file." };
    case "loading":
      return { state: "loading", message: "Loading into memory." };
    case "ready":
      return { state: "ready", message: "Ready." };
    case "failed":
      return { state: "failed", message: state.message };
  }
}

/** Milliseconds after which asking again makes sense. */
export function retryAfterMs(state: ModelState): number {
  if (state.kind === "failed") return Math.max(1000, state.retryInMs);
  if (state.kind === "obtaining") return 5000;
  return 2000;
}

import type { RequestSource } from "./connection.ts";
import type { Job, StreamForm } from "./job.ts";
import type { Tally } from "./tally.ts";

export type StreamJob = Extract<Job, { kind: "stream" | "idle" }>;

/** What one kept stream needs. */
export interface KeptStream {
  readonly job: StreamJob & { readonly form?: StreamForm };
  readonly requests: RequestSource;
  readonly tally: Tally;
  /** Its first event has come. */
  readonly onOpen: () => void;
}

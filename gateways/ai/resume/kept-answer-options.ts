import type { Exchange } from "@tandem/libs/http";
import type { Log } from "@tandem/libs/telemetry";
import type { World } from "@tandem/libs/world";
import type { Backing } from "./backing.ts";
import type { StreamMeta, StreamPlace, StreamStore } from "./stream-store.ts";

/** A request, as the phases are to see it. */
export type MadeRequest = Pick<Exchange, "head" | "protocol" | "remoteAddress"> & {
  readonly body: Buffer;
};

export interface KeptAnswerOptions {
  readonly world: World;
  readonly log: Log;
  readonly store: StreamStore;
  readonly place: StreamPlace;
  readonly meta: StreamMeta;
  readonly request: MadeRequest;
  /** What another replica has said of it; this one goes on behind that. */
  readonly events: readonly string[];
  /** How long an answer nobody listens to goes on. */
  readonly graceMs: number;
  readonly bytesMax: number;
  /** Where it is made for nobody in particular: leaving means nothing to it. */
  readonly backing?: Backing | undefined;
  /** Nobody will write to it any more, and all is in the store. */
  onOver(): void;
}

import type { LimitSource } from "../core/slice.ts";
import type { SubjectField } from "../core/subject.ts";

/** What a holder is answered when it opens or renews a lease. */
export interface LeaseAnswer {
  readonly grantedNanos: bigint;
  readonly validMs: number;
  readonly currency: string;
  /** What fell short; undefined when everything needed was granted. */
  readonly limitSource: LimitSource | undefined;
  readonly resetsAtMs: number;
  readonly availableNanos: bigint;
  readonly scopedBy: readonly SubjectField[];
  readonly isSuperseded: boolean;
  readonly isScarce: boolean;
}

/** Amounts as text, since JSON has no integers of 64 bits. */
type Encoded = Omit<LeaseAnswer, "grantedNanos" | "availableNanos"> & {
  readonly grantedNanos: string;
  readonly availableNanos: string;
};

/** An answer as it is kept with its lease, to be given again when the call is repeated. */
export function encodeAnswer(answer: LeaseAnswer): string {
  const encoded: Encoded = {
    ...answer,
    grantedNanos: String(answer.grantedNanos),
    availableNanos: String(answer.availableNanos),
  };
  return JSON.stringify(encoded);
}

export function decodeAnswer(text: string): LeaseAnswer {
  const encoded = JSON.parse(text) as Encoded;
  return {
    ...encoded,
    limitSource: encoded.limitSource,
    grantedNanos: BigInt(encoded.grantedNanos),
    availableNanos: BigInt(encoded.availableNanos),
  };
}

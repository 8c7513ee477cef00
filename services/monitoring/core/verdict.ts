/** From the last samples of every replica to one word and one sentence about the platform. */
export interface ReplicaSample {
  readonly replicaId: string;
  readonly deployable: string;
  readonly atMs: number;
  readonly state: string;
}

export interface Verdict {
  readonly state: "healthy" | "degraded" | "down";
  readonly sentence: string;
}

/** A replica that was silent for longer is taken for gone. */
export const silentMs = 3_500;

export function isPresent(sample: ReplicaSample, nowMs: number): boolean {
  return nowMs - sample.atMs <= silentMs;
}

/**
 * `expected` are the replicas of the topology. A deployable without a ready replica is down, one
 * with fewer than expected degraded; the platform is as unwell as its worst deployable.
 */
export function judge(
  samples: readonly ReplicaSample[],
  { expected, nowMs }: { expected: readonly { id: string; deployable: string }[]; nowMs: number },
): Verdict {
  const ready = new Set(
    samples
      .filter((sample) => isPresent(sample, nowMs) && sample.state === "ready")
      .map((sample) => sample.replicaId),
  );
  const missing = expected.filter(({ id }) => !ready.has(id));
  if (missing.length === 0) {
    return { state: "healthy", sentence: `All ${expected.length} replicas are ready.` };
  }
  const alive = new Set(
    expected.filter(({ id }) => ready.has(id)).map(({ deployable }) => deployable),
  );
  const gone = [...new Set(missing.map(({ deployable }) => deployable))].filter(
    (deployable) => !alive.has(deployable),
  );
  const names = missing.map(({ id }) => id).join(", ");
  return gone.length === 0
    ? { state: "degraded", sentence: `Not ready: ${names}. Their twins serve.` }
    : { state: "down", sentence: `No replica is ready of: ${gone.join(", ")}.` };
}

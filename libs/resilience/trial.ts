/** The replicas of a pool while some of them are of a release that has to prove itself. */
export interface Trial<Replica> {
  readonly onTrial: readonly Replica[];
  readonly others: readonly Replica[];
  /** Of all first attempts, what goes to those on trial. */
  readonly share: number;
}

/** Undefined where nobody is on trial, or nobody else is there: nearly always. */
export function trialOf<Replica>(
  replicas: readonly Replica[],
  weightOf: (replica: Replica) => number,
): Trial<Replica> | undefined {
  const onTrial = replicas.filter((replica) => weightOf(replica) < 1);
  const others = replicas.filter((replica) => weightOf(replica) >= 1);
  if (onTrial.length === 0 || others.length === 0) return undefined;
  return { onTrial, others, share: onTrial.reduce((sum, replica) => sum + weightOf(replica), 0) };
}

/**
 * Where a first attempt goes, by a `fraction` that is uniform in [0, 1): to those on trial for
 * their share only. Repeated attempts go where they can.
 */
export function drawSide<Replica>(
  { onTrial, others, share }: Trial<Replica>,
  fraction: number,
): readonly Replica[] {
  return fraction < share ? onTrial : others;
}

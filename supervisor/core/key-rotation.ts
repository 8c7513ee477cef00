/**
 * Rotation of what passports are signed with. What is signed with and what is accepted besides
 * stand in one file, so that a supervisor that is killed leaves one of these states and nothing
 * between them:
 *
 *   at rest → accepting (sign with the old, accept both)
 *           → signing (sign with the new, accept both) → at rest (the new alone)
 *
 * A step is made only when every process holds the state before: nobody ever gets a passport that
 * it cannot verify. From `accepting` there is a way back: nothing was signed with the new keys.
 */
export interface SigningKeys<Pair> {
  /** What is signed with, by deployable. */
  readonly passportKeys: Readonly<Record<string, Pair>>;
  /** Absent at rest. */
  readonly rotation?: Rotation<Pair> | undefined;
}

export interface Rotation<Pair> {
  readonly stage: "accepting" | "signing";
  /** Accepted besides: the new ones while accepting, the old ones while signing. */
  readonly otherKeys: Readonly<Record<string, Pair>>;
  /** How long the old ones are accepted once nobody signs with them any more. */
  readonly overlapMs: number;
}

export type RotationStep = "wait" | "sign" | "retire" | "take-back" | "end";

export interface RotationView {
  /** Since every process has held the present state; undefined while one does not. */
  readonly heldMs: number | undefined;
  /** Since the present state was told. */
  readonly toldMs: number;
}

/** Much longer than a frozen process is waited for before it is replaced. */
export const acceptPatienceMs = 60_000;

export function nextStep(
  rotation: Pick<Rotation<unknown>, "stage" | "overlapMs"> | undefined,
  { heldMs, toldMs }: RotationView,
): RotationStep {
  if (rotation?.stage === "accepting" && heldMs === undefined) {
    return toldMs >= acceptPatienceMs ? "take-back" : "wait";
  }
  if (heldMs === undefined) return "wait";
  if (rotation === undefined) return "end";
  if (rotation.stage === "accepting") return "sign";
  return heldMs >= rotation.overlapMs ? "retire" : "wait";
}

export function beginRotation<Keys extends SigningKeys<unknown>>(
  keys: Keys,
  rotation: Pick<Rotation<Keys["passportKeys"][string]>, "otherKeys" | "overlapMs">,
): Keys {
  return { ...keys, rotation: { ...rotation, stage: "accepting" } };
}

/** The state after a step that changes it. */
export function afterStep<Keys extends SigningKeys<unknown>>(keys: Keys, step: RotationStep): Keys {
  const { rotation, ...rest } = keys;
  if (rotation === undefined || step === "wait" || step === "end") return keys;
  if (step !== "sign") return { ...rest, rotation: undefined } as Keys;
  // A deployable that came meanwhile keeps its keys: they are new.
  const passportKeys = { ...keys.passportKeys, ...rotation.otherKeys };
  const signing = { ...rotation, stage: "signing", otherKeys: keys.passportKeys };
  return { ...keys, passportKeys, rotation: signing };
}

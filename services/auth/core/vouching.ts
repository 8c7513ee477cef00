/**
 * Whether a replica that cannot read its database may still say that nothing is revoked. Pure.
 *
 * It may when no replica can: a revocation is a write, and who cannot read does not write. One that
 * does not say so (it is frozen, cut off from the hot store, or of an older release) may be writing
 * at this moment; so may one that has read further than we have.
 */

/** What a replica says of itself; forgotten by the hot store when it falls silent. */
export interface FellowWord {
  readonly isCut: boolean;
  /** The last revocation that it has read. */
  readonly sequence: bigint;
}

export function areAllCut(
  fellows: readonly (FellowWord | undefined)[],
  ownSequence: bigint,
): boolean {
  return fellows.every((word) => word?.isCut === true && word.sequence <= ownSequence);
}

export function encodeWord({ isCut, sequence }: FellowWord): string {
  return `${isCut ? "cut" : "reads"} ${sequence}`;
}

/** Undefined for what is no word of this release. */
export function decodeWord(text: string): FellowWord | undefined {
  const match = /^(cut|reads) (\d{1,19})$/.exec(text);
  if (match === null) return undefined;
  return { isCut: match[1] === "cut", sequence: BigInt(match[2] ?? "0") };
}

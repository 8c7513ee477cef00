/**
 * What becomes of every member of a dialect's requests. The tables are what the readers go by, what
 * the reference is generated from, and what the property tests try: a member that is in no table is
 * told to the client in `x-tandem-ignored`, so nothing is dropped in silence.
 */

/**
 * - `carried`: passed on under the same name with the same meaning.
 * - `translated`: says the same in other words.
 * - `ignored`: has no effect; named in the answer's `x-tandem-ignored`.
 * - `refused`: the request is turned away, since it would mean something else without it.
 */
export type FieldFate = "carried" | "translated" | "ignored" | "refused";

export interface FieldRule {
  readonly fate: FieldFate;
  /** The canonical member that says the same. */
  readonly as?: string;
  /** One clause for the reader of the reference. */
  readonly note?: string;
}

/** The members of one kind of object. */
export type FieldRules = Readonly<Record<string, FieldRule>>;

/** By kind of object: the request itself, its messages, their parts, tools. */
export type FieldTable = Readonly<Record<string, FieldRules>>;

export const carried: FieldRule = { fate: "carried" };

export function translated(as: string, note?: string): FieldRule {
  return { fate: "translated", as, ...(note === undefined ? {} : { note }) };
}

export function ignored(note: string): FieldRule {
  return { fate: "ignored", note };
}

export function refused(note: string): FieldRule {
  return { fate: "refused", note };
}

import { type JsonDocument, jsonKind, nowhere } from "../json-document.ts";

/** What is wrong with a value: a clause that follows its name; undefined when nothing is. */
export type Check = (document: JsonDocument, value: number) => string | undefined;

interface Range {
  readonly min: number;
  readonly max: number;
  /** The lowest value itself is out of range. */
  readonly isOpen?: boolean;
}

function describeRange({ min, max, isOpen }: Range): string {
  return `${isOpen ? `above ${min}` : `from ${min}`} to ${max}`;
}

function isWithin(number: number, { min, max, isOpen = false }: Range): boolean {
  return (isOpen ? number > min : number >= min) && number <= max;
}

export function numberCheck(range: Range): Check {
  return (document, value) => {
    const isNumber = document.kind(value) === jsonKind.number;
    if (isNumber && isWithin(document.number(value), range)) return undefined;
    return `must be a number ${describeRange(range)}`;
  };
}

export function integerCheck(range: Range): Check {
  return (document, value) => {
    if (document.kind(value) === jsonKind.number) {
      const number = document.number(value);
      if (Number.isInteger(number) && isWithin(number, range)) return undefined;
    }
    return `must be a whole number ${describeRange(range)}`;
  };
}

export const booleanCheck: Check = (document, value) => {
  const kind = document.kind(value);
  return kind === jsonKind.true || kind === jsonKind.false ? undefined : "must be true or false";
};

export const objectCheck: Check = (document, value) =>
  document.kind(value) === jsonKind.object ? undefined : "must be an object";

export const stringCheck: Check = (document, value) =>
  document.kind(value) === jsonKind.string ? undefined : "must be a string";

export function patternCheck(pattern: RegExp, form: string): Check {
  return (document, value) => {
    const isFine = document.kind(value) === jsonKind.string && pattern.test(document.text(value));
    return isFine ? undefined : `must be ${form}`;
  };
}

export function choiceCheck(...choices: readonly string[]): Check {
  const list = choices.map((choice) => `"${choice}"`).join(", ");
  return (document, value) => {
    const isChoice =
      document.kind(value) === jsonKind.string &&
      choices.some((choice) => document.textIs(value, choice));
    return isChoice ? undefined : `must be one of ${list}`;
  };
}

/** An object whose `type` is one of these. */
export function typedCheck(...types: readonly string[]): Check {
  const check = choiceCheck(...types);
  return (document, value) => {
    if (document.kind(value) !== jsonKind.object) return "must be an object";
    const type = document.member(value, "type");
    if (type === nowhere) return "must have a `type`";
    const problem = check(document, type);
    return problem === undefined ? undefined : `has a \`type\` that ${problem}`;
  };
}

/** Elements of a list; none for what is no list. */
export function* elementsOf(document: JsonDocument, list: number): Generator<number> {
  if (document.kind(list) !== jsonKind.array) return;
  let element = document.firstChild(list);
  while (element !== nowhere) {
    yield element;
    element = document.nextChild(list, element);
  }
}

/** One string, or at most `max` of them. */
export function stringsCheck(max: number): Check {
  return (document, value) => {
    if (document.kind(value) === jsonKind.string) return undefined;
    if (document.kind(value) !== jsonKind.array) return "must be a string or a list of strings";
    let count = 0;
    for (const element of elementsOf(document, value)) {
      count += 1;
      if (document.kind(element) !== jsonKind.string) return "must hold strings only";
    }
    return count <= max ? undefined : `must hold at most ${max} strings`;
  };
}
